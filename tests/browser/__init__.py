"""The page of the HTTP server in a real browser."""
