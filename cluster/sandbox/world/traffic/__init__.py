"""Traffic: for every event that the world models, a handler that makes it happen."""
