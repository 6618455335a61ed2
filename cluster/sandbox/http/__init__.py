"""The HTTP side of the sandbox: Discord's REST, the control server, TLS."""
