"""Who gets which of the cluster's events, and how far each has come."""

from cluster.proxy.sessions.sessions import ProxySessions

__all__ = ["ProxySessions"]
