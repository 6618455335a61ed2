"""What keeps a cluster from running, found before it is started: `dcgw-cluster doctor`.

``local`` looks at this machine, ``remote`` asks the API and the gateway. A finding is a line.
"""

from cluster.doctor.finding import Finding, State

__all__ = ["Finding", "State"]
