"""The configuration: its keys, what they may be, and where they are read from."""
