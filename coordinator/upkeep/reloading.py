"""Reads the configuration again while the cluster runs: what may change without a restart.

That is `log_level`, of all processes but a sandbox, the token of HTTP, and the secrets and the
certificate of the proxy, whose processes read them themselves. The TCP gate looks at the file of
its keys by itself, whenever that changes.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.loading import load
from cluster.config.schema import Given
from cluster.config.sources import read_file
from cluster.config.tokens import read_http_token
from cluster.errors import ClusterError
from cluster.wire.happenings import HappeningKind
from coordinator.children.family import Children
from coordinator.happenings.record import HappeningRecord
from coordinator.upkeep.service import Service
from coordinator.workers.message_router import MessageRouter

AT_ONCE: Final = frozenset({"log_level"})
"""Keys that take effect when they are read again."""

log = logging.getLogger(__name__)


def read_again(spec: CoordinatorSpec, env: Mapping[str, str] = os.environ) -> CoordinatorSpec:
    """Return the spec with what may change of the configuration as it is now. ClusterError: it, or
    the file of HTTP's token, can't be used."""
    level, token = spec.log_level, spec.http_token
    if spec.config_file:
        file = Path(spec.config_file)
        level = load(file=file, env=env, on_sandbox=spec.on_sandbox).config.log_level
    if spec.http.listen and spec.http.token_file:
        token, warnings = read_http_token(Path(spec.http.token_file))
        for warning in warnings:
            log.warning("%s", warning)
    return msgspec.structs.replace(spec, log_level=level, http_token=token)


def given_in(spec: CoordinatorSpec) -> dict[str, Given] | None:
    """Return what the configuration's file gives now, by key; None: it can't be read."""
    if not spec.config_file:
        return {}
    try:
        return read_file(Path(spec.config_file))
    except ClusterError:
        return None  # who reads it to use it tells why


def waiting(start: Mapping[str, Given] | None, now: Mapping[str, Given] | None) -> list[str]:
    """Return the keys that a file gives otherwise than at the start, and that take a restart; none
    if one of both is not known."""
    if start is None or now is None:
        return []
    changed = {key for key in start.keys() & now.keys() if start[key].value != now[key].value}
    return sorted((changed | (start.keys() ^ now.keys())) - AT_ONCE)


class Reloading:
    """Does what SIGHUP asks for."""

    def __init__(
        self,
        spec: CoordinatorSpec,
        record: HappeningRecord,
        service: Service,
        router: MessageRouter,
        children: Children,
    ) -> None:
        self._spec = spec
        self._at_start = given_in(spec)
        self._record = record
        self._service = service
        self._router = router
        self._children = children

    def reload(self) -> None:
        """Read the configuration again and let it take effect; one that can't be used changes
        nothing, and a line says why."""
        self._service.reloading()
        try:
            self._take(read_again(self._spec))
        except ClusterError as error:
            self._record.tell(HappeningKind.RELOAD_REFUSED, cause=str(error))
        finally:
            self._service.reloaded()

    def _take(self, now: CoordinatorSpec) -> None:
        before, self._spec = self._spec, now
        changed: list[str] = []
        if now.log_level != before.log_level:
            logging.getLogger().setLevel(now.log_level.upper())
            self._router.set_log_level(now.log_level)
            self._children.set_log_level(now.log_level)
            changed.append(f"log_level is {now.log_level}")
        http = self._children.http
        if http is not None and now.http_token != before.http_token:
            http.renew(now, signal.SIGHUP)
            changed.append("HTTP has another token")
        if self._children.proxy is not None:
            self._children.proxy.renew()
        if keys := waiting(self._at_start, given_in(now)):
            changed.append(f"a restart is needed for {', '.join(keys)}")
        self._record.tell(HappeningKind.RELOADED, ", ".join(changed) or "nothing has changed")
