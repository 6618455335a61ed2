"""``dcgw-cluster top``: a cluster on the whole of a terminal. What is shown is decided by the pure
files of this room (tables, filters, type_rates, heading); the others draw it with textual."""
