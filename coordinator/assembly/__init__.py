"""The parts of a coordinator, made in the order in which each needs those before."""
