"""Sessions of the sandbox: what each is sent, replays, limits and views."""
