"""A transfer alone, with a multi handle that is played."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from unittest.mock import Mock

from cluster.discord.browser import browser
from shard_worker.transport import handshake
from shard_worker.transport.transfer import Transfer

STOPPED, READING = 1, 0  # CURLPAUSE_RECV, CURLPAUSE_CONT
TURNS = 5


def test_what_is_sent_meanwhile_does_not_let_libcurl_read_again() -> None:
    transfer, said = Transfer(cast(Any, Mock()), Mock()), list[int]()
    transfer._curl = Mock(pause=said.append)
    transfer.pause()
    transfer.send()
    assert said == [STOPPED, STOPPED]
    transfer.read_on()
    transfer.send()
    assert said[2:] == [READING, READING]


def test_a_way_that_is_found_when_nobody_wants_it_any_more_is_not_gone() -> None:
    """Between the end of a look-up and what follows from it is a turn of the loop."""

    async def scenario() -> None:
        multi, user = Mock(), Mock()
        transfer = Transfer(multi, user)
        key = handshake.new_key(bytes(16))
        transfer.begin("ws://127.0.0.1:9/", key, ca_file="", browser=browser("chrome"), env={})
        while not transfer._lookup.done():  # noqa: ASYNC110  # the turn of its end matters
            await asyncio.sleep(0)
        assert transfer._lookup.result()
        transfer.abort()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert not multi.mock_calls
        assert not user.on_unreachable.called

    asyncio.run(scenario())
