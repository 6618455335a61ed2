"""The gateway proxy: speaks Discord's Gateway to bots that are already written, over the sessions
of a cluster."""
