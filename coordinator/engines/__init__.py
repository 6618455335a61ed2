"""Where a worker process runs."""
