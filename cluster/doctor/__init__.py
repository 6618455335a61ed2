"""Finds what keeps a cluster from running before it is started, for `dcgw-cluster doctor`.

``local`` looks at this machine, ``remote`` asks the API and the gateway, ``checkup`` puts them in
order. A finding is one line. ``fingerprint/`` reads how a client introduces itself.
"""

from cluster.doctor.finding import Finding, State

__all__ = ["Finding", "State"]
