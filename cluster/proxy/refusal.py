"""Why a client of the proxy is closed."""

from __future__ import annotations

from cluster.gateway_server.refusal import Refused

__all__ = ["Refused"]
