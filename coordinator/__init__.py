"""Decides: shards, identifies, workers. Holds no gateway connection."""
