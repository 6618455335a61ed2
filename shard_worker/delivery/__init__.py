"""From the journal to the hub: what was received is published from disk, by a cursor."""
