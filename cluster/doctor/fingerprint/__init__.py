"""How a client introduces itself: TLS, HTTP/2 and headers, written down and named.

``client_hello``, ``ja`` and ``http2`` are pure; ``capture`` is a server on loopback that hears it.
"""
