"""Faults that the sandbox can be told to have, at once or by a schedule."""
