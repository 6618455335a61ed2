"""The WebSocket side of the sandbox: the server, the handshake and what clients send."""
