"""What happened in the cluster, in plain words: for `happenings`, the page and the log alike."""
