"""The TCP gate: a process that lets in whoever has a key, for subscribers on other hosts."""
