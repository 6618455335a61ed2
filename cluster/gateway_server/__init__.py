"""What a server of Discord's gateway needs, be it the sandbox or the proxy: frames, compression,
what an IDENTIFY may say and how much a client may send."""
