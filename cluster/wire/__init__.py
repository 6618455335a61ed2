"""The messages that processes send to each other. It imports nothing that stands above it."""
