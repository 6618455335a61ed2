"""The actors of all agents, asked again and again how their agents are. None is waited for: one
whose node is lost answers late, or never."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import ray
from ray.exceptions import RayError

from cluster.decode_errors import MALFORMED
from cluster.errors import ConfigError
from coordinator.engines.ray_placement.agent_keys import AgentKeys
from coordinator.engines.ray_placement.messages import (
    AgentOrder,
    AgentState,
    decode_state,
    encode,
)
from coordinator.engines.ray_placement.ray_cluster import first_line, name_of

log = logging.getLogger(__name__)


class Agents:
    """Tends the agents of one cluster."""

    def __init__(self, keys: AgentKeys, order: AgentOrder) -> None:
        """order: what all of them are told, without a key."""
        self._keys = keys
        self._order = order
        self._asked: dict[int, Any] = {}
        """Agent -> the answer that is awaited (an ObjectRef)."""
        self._states: dict[int, AgentState] = {}
        self._faults: dict[int, str] = {}
        self._numbers: set[int] | None = None
        """Those that were tended last; None: nobody was."""

    def tend(self, actors: dict[int, Any]) -> None:
        """Take the answers that have come, and ask those that have answered. ConfigError: the
        folder of keys can't be used. actors: handles by the agents' numbers."""
        if actors.keys() != self._numbers:
            self._forget_others(set(actors))
        self._take_answers()
        for number, actor in actors.items():
            if number not in self._asked:
                state = self._states.get(number)
                order = msgspec.structs.replace(
                    self._order, admitted=state.public if state else None
                )
                self._asked[number] = actor.tend.remote(encode(order))

    def waiting(self) -> list[str]:
        """Return the names of the agents that have not been heard of yet."""
        return [
            name_of(number) for number in sorted((self._numbers or set()) - self._states.keys())
        ]

    def _forget_others(self, numbers: set[int]) -> None:
        """Forget all agents but these, and let in no others."""
        self._numbers = numbers
        for known in (self._asked, self._states, self._faults):
            for number in known.keys() - numbers:
                del known[number]
        for name in self._keys.sweep({name_of(number) for number in numbers}):
            log.info("the key of %s is removed", name)

    def _take_answers(self) -> None:
        if not self._asked:
            return
        answers = {answer: number for number, answer in self._asked.items()}
        ready, _ = ray.wait([*answers], num_returns=len(answers), timeout=0)
        for answer in ready:
            number = answers[answer]
            del self._asked[number]
            try:
                state = decode_state(ray.get(answer))
            except (RayError, *MALFORMED) as error:
                self._states.pop(number, None)
                self._tell(number, f"does not answer ({first_line(error)})")
            else:
                self._take(number, state)

    def _take(self, number: int, state: AgentState) -> None:
        name, before = name_of(number), self._states.get(number)
        try:
            if self._keys.admit(name, state.public):
                log.info("the key of %s is let in", name)
        except ConfigError as error:
            self._tell(number, f"can't be let in: {error}")
            return
        self._states[number] = state
        if before is None or before.node != state.node:
            log.info("%s has its place on node %s (%s)", name, state.node[:8], state.address)
        if before is not None and before.pid != state.pid and state.pid is not None:
            log.info("%s runs, pid %d", name, state.pid)
        log.debug("%s has answered, pid %s", name, state.pid)
        self._tell(number, f"does not run: {state.words}" if state.words else "")

    def _tell(self, number: int, fault: str) -> None:
        """Log what is wrong with an agent when it changes."""
        if fault and self._faults.get(number) != fault:
            log.warning("%s %s", name_of(number), fault)
        self._faults[number] = fault
