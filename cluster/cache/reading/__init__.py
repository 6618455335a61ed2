"""Reading the cache: snapshots of it, parts as objects, GUILD_CREATE joined from them, and Cache,
which programs import."""
