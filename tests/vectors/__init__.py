"""Test vectors of the wire protocol, for readers in any language."""
