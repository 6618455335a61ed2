"""How many shards there are, and which worker has which."""
