"""What the cache keeps of guilds, by events, and how it is read."""
