"""What a server sees of our handshakes, beside those of a Chromium."""
