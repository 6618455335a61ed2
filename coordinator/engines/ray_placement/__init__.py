"""Host agents on a Ray cluster: Ray decides on which nodes, and starts them again."""
