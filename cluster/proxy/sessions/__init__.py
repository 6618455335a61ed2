"""Who gets which of the cluster's events, and how far each has come."""

from cluster.proxy.sessions.sessions import ProxySessions
from cluster.proxy.sessions.store import SessionStore

__all__ = ["ProxySessions", "SessionStore"]
