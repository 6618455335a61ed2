"""Reads how a client introduces itself in TLS, HTTP/2 and headers, and names that (JA3, JA4 ...).

``client_hello``, ``ja`` and ``http2`` are pure; ``capture`` is a server on loopback that hears it.
"""
