"""What the parts of a coordinator share that stays as it is for one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord.gateway_bot import GatewayInfo
from cluster.endpoints.paths import ClusterPaths
from coordinator.account import ApiAccount
from coordinator.gateway_api import GatewayAnswer, GatewayApi
from coordinator.state.store import Store


class RunContext(NamedTuple):
    """Whom this coordinator runs for, where it keeps things, and what Discord said at its start."""

    spec: CoordinatorSpec
    api: GatewayApi
    answer: GatewayAnswer
    clock: Callable[[], float]
    """Returns monotonic seconds."""

    @property
    def account(self) -> ApiAccount:
        return self.api.account

    @property
    def store(self) -> Store:
        return self.api.store

    @property
    def gateway(self) -> GatewayInfo:
        """What Discord said at the start, or last before it (`answer.refusal`)."""
        return self.answer.info

    @property
    def paths(self) -> ClusterPaths:
        return self.spec.paths

    @property
    def store_id(self) -> str:
        return self.store.store_id

    @property
    def account_key(self) -> str:
        """The account's name in the store."""
        return self.api.account_key

    @property
    def gateway_url(self) -> str:
        return self.spec.gateway_url or self.gateway.url
