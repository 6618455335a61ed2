"""``python -m shard_worker``: a worker process, started by the coordinator.

Reads one WorkerSpec (msgpack) from standard input, to its end; logs to its log_file, else to
standard error.

Exit codes: 0 stopped by the coordinator or a signal; 1 an error; 2 the spec can't be used; 3
another process holds this slot; 4 no coordinator was heard of for ``adopt_seconds``, or the lease
has run out.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import uvloop

from cluster.config.worker_spec import WorkerSpec, decode_spec
from cluster.decode_errors import MALFORMED
from cluster.errors import AlreadyRunningError, ClusterError, ConfigError
from cluster.logs.log_file import LogFile
from cluster.logs.setup import log_lines
from cluster.own_process import prepare
from cluster.wire.link import LINK_VERSION
from shard_worker.protocol.gateway_url import gateway_url
from shard_worker.protocol.payloads import identify, identify_account
from shard_worker.sending.limiter import PayloadTooLargeError, check_size
from shard_worker.worker import Exit, Worker
from shard_worker.worker_log import set_level

MAX_SPEC_BYTES = 16 * 1024 * 1024


def read_spec(data: bytes) -> WorkerSpec:
    """Read and check the spec. Raises ConfigError or PayloadTooLargeError, which quote nothing of
    it: there is a token in it."""
    try:
        spec = decode_spec(data)
    except MALFORMED as error:
        raise ConfigError("the worker's spec can't be read", type(error).__name__) from None
    if spec.version != LINK_VERSION:
        raise ConfigError(
            f"the coordinator speaks version {spec.version}, this worker {LINK_VERSION}",
            "restart the cluster with one version of dcgw-cluster",
        )
    identify_account(spec).check()
    gateway_url(spec.gateway_url, spec.api_version, spec.compress)
    for shard in spec.shards:
        check_size(identify(spec, shard, spec.token))
    return spec


def log_as(spec: WorkerSpec) -> None:
    """Log as the spec says."""
    config = spec.config
    log_lines(
        f"worker-{spec.slot}",
        config.log_format,
        config.log_level,
        secret=spec.token,
        handler=LogFile(Path(spec.log_file)) if spec.log_file else None,
    )
    set_level(config.log_level)


async def _run(spec: WorkerSpec) -> Exit:
    return await Worker(spec).run()


def main() -> int:
    """Run the process. Returns its exit code."""
    prepare()
    log_lines("worker")
    log = logging.getLogger("shard_worker")
    try:
        spec = read_spec(sys.stdin.buffer.read(MAX_SPEC_BYTES))
        log_as(spec)
        return uvloop.run(_run(spec))
    except (ConfigError, PayloadTooLargeError) as error:
        log.error("%s", error)
        return Exit.BAD_SPEC
    except AlreadyRunningError as error:
        log.error("%s", error)
        return Exit.SLOT_TAKEN
    except ClusterError as error:
        log.error("%s", error)
        return Exit.FAILED
    except Exception:  # the last resort: what nobody foresaw is logged with its traceback
        log.exception("a fault of this program")
        return Exit.FAILED


if __name__ == "__main__":
    sys.exit(main())
