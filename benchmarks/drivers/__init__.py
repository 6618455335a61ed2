"""Other people's clients, each a program of its own (see counting)."""
