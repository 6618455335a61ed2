"""What the coordinator keeps on disk: the store, and the folders of journals."""
