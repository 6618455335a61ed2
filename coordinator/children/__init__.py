"""Processes that the coordinator keeps beside the workers: replay server, TCP gate, sandbox."""
