"""Whole bots on other people's libraries, with the libraries' own caches: on the sandbox directly,
and through the gateway proxy of a cluster on the same sandbox."""
