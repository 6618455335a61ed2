"""Identifies: who waits, who is granted one, what was spent."""
