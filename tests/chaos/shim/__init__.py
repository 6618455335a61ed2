"""First on the path of the processes that the chaos driver starts."""
