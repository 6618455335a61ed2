"""The hub: every batch of the workers in, out to all subscribers."""
