"""The store in PostgreSQL: for coordinators of which another can take over, on another host."""
