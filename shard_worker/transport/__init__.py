"""Bytes: libcurl in raw mode, RFC 6455 frames, compression."""
