"""Shared by all tests."""

from __future__ import annotations

from hypothesis import settings

# On a busy machine a first example takes longer than hypothesis allows; that proves nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
