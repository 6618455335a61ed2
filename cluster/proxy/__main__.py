"""``python -m cluster.proxy``: a process of the gateway proxy. Standard input: a ProxySpec as one
line of JSON (cluster.child_process)."""

from __future__ import annotations

import sys

import uvloop

from cluster.child_process import Child, run_child
from cluster.proxy.process import serve_proxy
from cluster.proxy.spec import ProxySpec


def work(spec: ProxySpec, child: Child) -> None:
    """Do the work of the process until it ends."""
    uvloop.run(serve_proxy(spec, child))


if __name__ == "__main__":
    sys.exit(run_child(ProxySpec, work))
