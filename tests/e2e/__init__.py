"""Real processes from end to end, compared with the ledger of the sandbox."""
