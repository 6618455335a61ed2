"""A cluster of many hosts, played: the coordinator's own code, by a clock that jumps."""
