"""What a server of Discord's gateway needs, be it the sandbox or the proxy: frames, compression,
what an IDENTIFY may say, what a client may ask and how much it may send."""
