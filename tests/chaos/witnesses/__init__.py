"""Two readers of a cluster's events that have nothing in common but the events."""
