"""Other people's client libraries, run on the sandbox."""
