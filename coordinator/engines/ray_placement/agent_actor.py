"""The Ray actor that keeps one host agent running on its node.

The agent is a child process: it ends in order, its workers with it, when the actor is asked to.
When the actor's process is gone, however that ended, it ends too (it looks who its parent is) and
leaves its workers: they go on for as long as their leases last, and an agent that comes back on
this node takes them over.

The key is made here. Its secret half goes to the agent's standard input and nowhere else: not into
Ray's store, its logs, an argument or the environment.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time

import ray

from cluster.endpoints.curve_keys import ClientKeys, pair
from coordinator.children.restarting_process import RestartingProcess
from coordinator.engines.ray_placement.agent_process import AgentProcess
from coordinator.engines.ray_placement.messages import AgentOrder, AgentState, decode_order, encode


class AgentActor:
    """The actor of one agent. Its methods are called over Ray."""

    def __init__(self, cluster: str, name: str) -> None:
        """cluster: the namespace of the agents. name: of the agent, and of its key."""
        # The secret is in this memory. (An agent and its workers see to that themselves.)
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        self._cluster = cluster
        self._name = name
        self._public, self._secret = pair()
        self._order: AgentOrder | None = None
        self._agent: RestartingProcess | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._words = ""

    def __repr__(self) -> str:  # Ray shows it in lines of log
        return f"AgentActor({self._name})"

    async def tend(self, order: bytes) -> bytes:
        """Take an order, and return how the agent is. It is started once its key is let in. When it
        is to join otherwise it is killed, so that its workers go on, and started anew."""
        wanted = decode_order(order)
        if wanted.admitted == self._public and (
            self._order is None or wanted.joins_otherwise(self._order)
        ):
            if self._agent is not None and self._agent.process is not None:
                self._agent.process.kill()
            await self.end()
            self._order = wanted
            self._start(wanted)
        process = self._agent.process if self._agent else None
        context = ray.get_runtime_context()
        state = AgentState(
            public=self._public,
            node=context.get_node_id(),
            address=ray.util.get_node_ip_address(),
            pid=process.pid if process else None,
            words="" if process else self._words,
        )
        return encode(state)

    async def end(self) -> None:
        """End the agent in order, and return when it has ended."""
        keeping, self._keeping, self._order = self._keeping, None, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        self._agent = None

    def _start(self, order: AgentOrder) -> None:
        key = ClientKeys(
            name=self._name, server=order.server, public=self._public, secret=self._secret
        )
        self._agent = AgentProcess(self._cluster, key, order, time.monotonic)
        self._agent.on_ended = self._ended
        self._words = ""
        self._keeping = asyncio.create_task(self._agent.run(), name="agent")

    def _ended(self, why: str) -> None:
        self._words = why
        # Standard error of an actor is kept by Ray, and shown on its dashboard.
        print(f"the agent {self._name} of process {os.getpid()} ended: {why}", flush=True)
