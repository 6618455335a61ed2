"""The host gate: a process that lets in the agents of other hosts, each as what its key names."""
