"""What the coordinator and the workers of other hosts have in common."""
