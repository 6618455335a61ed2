"""The pictures that pages get, one after the other: each whole, or what has changed since the last.

A page that keeps up gets the changes, which are made once for all pages. What matters of a shard
(its state, its worker, what is wrong with it) is in the next change; of its numbers, which change
each second, each change has those of some shards in turn, so that thousands of shards cost no more
than some hundred do.
"""

from __future__ import annotations

from typing import Final

import msgspec

from coordinator.http.picture import Picture, ShardPicture

MOST_NUMBERS: Final = 512
"""Shards whose numbers one change tells of: of 4,096 shards they are at most 8 s old."""

_encode = msgspec.json.Encoder().encode


class Album:
    """Holds the last picture, as the pages know it."""

    def __init__(self) -> None:
        self.number = 0
        """How many pictures there were."""
        self._told: Picture | None = None
        self._change = b""
        self._whole: bytes | None = None
        self._turn = 0
        """The place of the shard whose numbers are told of next."""

    def add(self, picture: Picture) -> None:
        """Take the next picture."""
        told = self._told
        if told is None or not _goes_on(told, picture):
            self._told = picture
            self._change = _event(b"picture", _encode(picture))
            self._turn = 0
        else:
            shards = list(told.shards)
            last = told.happenings[-1].number if told.happenings else 0
            change = picture.differs_from(told) | {
                "cells": self._changed(shards, picture.shards),
                "happenings": [one for one in picture.happenings if one.number > last],
            }
            self._change = _event(b"change", _encode(change))
            # A page that comes now must know what the others know, since it gets the same changes.
            self._told = msgspec.structs.replace(picture, shards=shards)
        self._whole = None
        self.number += 1

    def since(self, number: int) -> bytes:
        """Return the event for a page that has seen so many pictures; 0: none. Empty: it has seen
        them all."""
        if number == self.number:
            return b""
        if number and number == self.number - 1:
            return self._change
        if self._whole is None:
            self._whole = _event(b"picture", _encode(self._told))
        return self._whole

    def _changed(
        self, told: list[ShardPicture], shards: list[ShardPicture]
    ) -> list[tuple[int, ShardPicture]]:
        """Return the cells that pages are told of now, each with its place, and put them into what
        was told."""
        first = self._turn
        last = first + MOST_NUMBERS
        over = last - len(shards)  # the turn begins again at the first shards
        cells = []
        for place, (before, now) in enumerate(zip(told, shards, strict=True)):
            if now == before:
                continue
            if first <= place < last or place < over or _essence(now) != _essence(before):
                cells.append((place, now))
                told[place] = now
        self._turn = last % len(shards) if shards else 0
        return cells


def _essence(shard: ShardPicture) -> tuple[object, ...]:
    """What a page has to know of a shard at once."""
    return shard.state, shard.worker, shard.is_silent, shard.detail


def _goes_on(one: Picture, other: Picture) -> bool:
    """Return whether one picture can become another by changes: it has the same shards, and nothing
    has un-happened, as where another cluster took the place of this one."""
    if one.shard_count != other.shard_count or len(one.shards) != len(other.shards):
        return False
    last = [picture.happenings[-1].number if picture.happenings else 0 for picture in (one, other)]
    return last[0] <= last[1] and all(
        a.shard_id == b.shard_id for a, b in zip(one.shards, other.shards, strict=True)
    )


def _event(name: bytes, data: bytes) -> bytes:
    """Return a server-sent event; JSON has no line break. Source: HTML standard, "Server-sent
    events"."""
    return b"event: %s\ndata: %s\n\n" % (name, data)
