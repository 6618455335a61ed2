"""What one session of the proxy sees of a cluster: how it begins, and which events it gets, by its
intents and its shard."""
