"""World: guilds made from a seed, and what happens in them."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable
from itertools import accumulate

from cluster.gateway import shard_of_guild
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world.clock import WorldClock, snowflake_at
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.guild_create import guild_create
from cluster.sandbox.world.objects import users as user_objects
from cluster.sandbox.world.population import Population, bot_intent_flags, guild_ids
from cluster.sandbox.world.ready import ready
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json
from cluster.sandbox.world.traffic import messages, people

HANDLERS: dict[str, Handler] = {**people.HANDLERS, **messages.HANDLERS}


class World:
    """A Discord's content. The same options and the same clock make the same world and traffic.

    ``now`` gives Unix seconds. Nothing here does I/O. Guilds are built when first touched.
    """

    def __init__(self, options: SandboxOptions, *, now: Callable[[], float]) -> None:
        draw = random.Random(f"{options.seed}/world")
        self.application_id = snowflake_at(1_704_067_200_000 + draw.randrange(10**9), 1)
        public = user_objects.user(
            self.application_id, "sandbox", None, avatar=f"{draw.getrandbits(128):032x}", bot=True
        )
        self.bot_user: Json = user_objects.own_user(public)
        owner = user_objects.user(self.application_id - (1 << 50), "owner", "Owner", avatar=None)
        self.application: Json = user_objects.application(
            self.application_id,
            "sandbox",
            owner,
            public,
            bot_intent_flags(options.privileged_intents),
        )
        self._guild_ids = guild_ids(options)
        self._known = frozenset(self._guild_ids)
        self._guilds: dict[int, Guild] = {}
        self._population = Population(options, public)
        self._scene = Scene(
            draw=draw, clock=WorldClock(now), population=self._population, bot=public
        )
        self._random = draw.random
        self._handlers: list[Handler] = []
        self._weights: list[float] = []
        self.set_mix(options.mix)

    def set_mix(self, mix: dict[str, float]) -> None:
        """Traffic from now on: weights by event name. ValueError for what it can't be."""
        if not mix or any(weight < 0 for weight in mix.values()) or not sum(mix.values()):
            raise ValueError("a mix needs one weight above 0 and none below")
        unknown = [name for name in mix if name not in HANDLERS]
        if unknown:
            raise ValueError(f"unknown events in the mix: {', '.join(unknown)}")
        self._handlers = [HANDLERS[name] for name in mix]
        self._weights = list(accumulate(mix.values()))

    def guild_ids(self, shard_id: int, shard_count: int) -> list[int]:
        """The guilds that a shard gets."""
        return [i for i in self._guild_ids if shard_of_guild(i, shard_count) == shard_id]

    def guild(self, guild_id: int) -> Guild:
        """A guild, made if need be. KeyError: there is none."""
        guild = self._guilds.get(guild_id)
        if guild is None:
            if guild_id not in self._known:
                raise KeyError(guild_id)
            guild = self._guilds[guild_id] = self._population.guild(guild_id)
        return guild

    def ready(
        self,
        *,
        session_id: str,
        resume_gateway_url: str,
        shard: tuple[int, int] | None,
        version: int,
        intents: int,
    ) -> bytes:
        """``d`` of READY for a session."""
        shard_id, shard_count = shard or (0, 1)
        return ready(
            user=self.bot_user,
            application=self.application,
            guild_ids=self.guild_ids(shard_id, shard_count),
            session_id=session_id,
            resume_gateway_url=resume_gateway_url,
            shard=shard,
            version=version,
        )

    def guild_create(self, guild_id: int, *, intents: int, large_threshold: int) -> bytes:
        """``d`` of GUILD_CREATE for a session, of this moment."""
        return guild_create(self.guild(guild_id), intents=intents, large_threshold=large_threshold)

    def step(self) -> WorldEvent:
        """The next event of the traffic."""
        after = self._scene.after
        if after:
            return after.popleft()
        weights = self._weights
        handler = self._handlers[bisect(weights, self._random() * weights[-1], 0, len(weights) - 1)]
        return handler(self._scene, self._any_guild())

    def emit(self, name: str, *, guild_id: int | None = None) -> list[WorldEvent]:
        """An event by name, with whatever has to happen before it. KeyError: no such event."""
        handler = HANDLERS[name]
        guild = self._any_guild() if guild_id is None else self.guild(guild_id)
        after = self._scene.after
        made = [*after]
        after.clear()
        made.append(handler(self._scene, guild))
        made += after
        after.clear()
        return made

    def _any_guild(self) -> Guild:
        guild_id = self._guild_ids[int(self._random() * len(self._guild_ids))]
        return self._guilds.get(guild_id) or self.guild(guild_id)
