"""Discord's gateway towards clients: sockets, handshakes, and what a client may say when."""
