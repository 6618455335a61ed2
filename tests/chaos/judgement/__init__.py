"""What witnesses received, compared with what the sandbox dispatched. Pure."""
