"""GatewayClient: one session in your own process."""
