"""A storm of faults on a real cluster, and the count of what was lost."""
