"""``python -m cluster.cache``: the process that keeps the cache, started with a CacheSpec
(cluster.child_process)."""

import sys

from cluster.cache.process import serve
from cluster.cache.spec import CacheSpec
from cluster.child_process import run_child

if __name__ == "__main__":
    sys.exit(run_child(CacheSpec, serve))
