"""What a page knows after each picture, whatever it has seen before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cluster.cli.terminal import status_text
from cluster.wire.happenings import Severity
from cluster.wire.states import SessionState
from coordinator.http import album
from coordinator.http.album import MOST_NUMBERS, Album
from coordinator.http.history import HappeningPicture
from coordinator.http.picture import MOST_TROUBLES, picture
from tests.coordinator.http.statuses import away, host, shard, status, worker


class Reader:
    """A page: puts a picture and the changes that follow together, as page/picture.js does."""

    def __init__(self) -> None:
        self.seen = 0
        self.knows: dict[str, Any] = {}
        self.events: list[str] = []

    def read(self, source: Album) -> None:
        event = source.since(self.seen)
        self.seen = source.number
        if not event:
            return
        name, data = event.decode().removesuffix("\n\n").split("\n")
        self.events.append(name.removeprefix("event: "))
        fields = msgspec.json.decode(data.removeprefix("data: "))
        if self.events[-1] == "picture":
            self.knows = fields
            return
        for place, cell in fields.pop("cells"):
            self.knows["shards"][place] = cell
        self.knows["happenings"] = (self.knows["happenings"] + fields.pop("happenings"))[-100:]
        self.knows |= fields


def happening(number: int) -> HappeningPicture:
    return HappeningPicture(number=number, at=1.0, severity=Severity.INFO, text=f"no. {number}")


def taken(happened: Sequence[int] = (), **changed: Any) -> Any:
    return picture(status(**changed), [happening(number) for number in happened], may_change=False)


def as_read(now: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(now))
    return found


def test_who_keeps_up_gets_what_has_changed() -> None:
    source, reader = Album(), Reader()
    source.add(taken(events=1))
    reader.read(source)
    assert source.since(reader.seen) == b""
    now = taken(events=2, shards=[shard(0), shard(1, state=SessionState.RESUMING)])
    source.add(now)
    change = msgspec.json.decode(source.since(reader.seen).split(b"data: ")[1])
    assert change.keys() == {"events", "shards_ready", "cells", "happenings"}
    assert [place for place, _ in change["cells"]] == [1]
    reader.read(source)
    assert reader.events == ["picture", "change"]
    assert reader.knows == as_read(now)


def test_who_lags_behind_gets_the_whole() -> None:
    source, reader = Album(), Reader()
    for events in (1, 2, 3):
        source.add(taken(events=events))
        if events != 2:
            reader.read(source)
    assert reader.events == ["picture", "picture"]
    assert reader.knows["events"] == 3


def test_other_shards_are_a_whole_picture() -> None:
    source, reader = Album(), Reader()
    for shards in ([shard(0)], [shard(0), shard(1)], [shard(4), shard(5)]):
        source.add(taken(shards=shards, shard_count=8))
        reader.read(source)
        assert reader.knows == as_read(taken(shards=shards, shard_count=8))
    source.add(taken(shards=shards, shard_count=16))
    reader.read(source)
    assert reader.events == ["picture"] * 4


def test_what_happened_is_told_once() -> None:
    source, reader = Album(), Reader()
    for last in (0, 2, 2, 150):
        happened = range(max(1, last - 99), last + 1)
        now = taken(happened)
        source.add(now)
        reader.read(source)
        assert reader.knows == as_read(now)
    assert reader.events == ["picture", "change", "change", "change"]
    source.add(taken([1]))  # of another cluster, which took the place of this one
    reader.read(source)
    assert reader.knows == as_read(taken([1]))
    assert reader.events[-1] == "picture"


def test_numbers_come_in_turn_and_states_at_once() -> None:
    many = 3 * MOST_NUMBERS + 7
    source, reader = Album(), Reader()
    source.add(taken(shards=[shard(number) for number in range(many)]))
    reader.read(source)
    rows = [shard(number, guilds=9) for number in range(many)]
    rows[-1] = shard(many - 1, guilds=9, state=SessionState.DOWN)
    sizes = []
    for _ in range(4):
        source.add(taken(shards=rows))
        sizes.append(source.since(reader.seen).count(b"["))
        reader.read(source)
        assert reader.knows["shards"][-1][2] == "down"
    assert max(sizes) < 2 * (MOST_NUMBERS + 1) + 20
    assert reader.knows == as_read(taken(shards=rows))
    source.add(taken(shards=rows))
    assert b'"cells":[]' in source.since(reader.seen)


ROWS = st.lists(
    st.builds(
        lambda state, guilds, silent: shard(0, state=state, guilds=guilds, too_silent=silent),
        st.sampled_from(list(SessionState)),
        st.integers(0, 2),
        st.booleans(),
    ),
    min_size=5,
    max_size=5,
)


@given(
    st.lists(st.tuples(ROWS, st.sampled_from([4, 5]), st.integers(1, 7)), min_size=1, max_size=12)
)
def test_all_pages_know_the_same_and_in_the_end_all(
    pictures: list[tuple[list[Any], int, int]],
) -> None:
    before, album.MOST_NUMBERS = album.MOST_NUMBERS, 2  # type: ignore[misc]
    try:
        source = Album()
        readers = [Reader() for _ in range(3)]
        for rows, many, reading in pictures:
            shards = [
                msgspec.structs.replace(row, shard_id=number)
                for number, row in enumerate(rows[:many])
            ]
            source.add(taken(shards=shards))
            present = [one for bit, one in enumerate(readers) if reading >> bit & 1]
            for reader in present:
                reader.read(source)
                assert reader.knows == present[0].knows
                states = [cell[2] for cell in reader.knows["shards"]]
                assert states == [str(row.state) for row in shards]
        for _ in range(3):
            source.add(taken(shards=shards))
            for reader in readers:
                reader.read(source)
        for reader in readers:
            assert reader.knows == as_read(taken(shards=shards))
    finally:
        album.MOST_NUMBERS = before  # type: ignore[misc]


def test_what_is_wrong_and_which_limits_are_near() -> None:
    drawn = picture(status(troubles=["a"], warnings=["b"]), [], may_change=False)
    assert (drawn.troubles, drawn.warnings) == (["a"], ["b"])


def test_what_is_wrong_with_shards_and_workers_is_said_as_in_a_terminal() -> None:
    """All shards are ready, and yet it is not so that nothing is wrong."""
    shards = [shard(0, too_silent=True, silent_s=340.0), shard(1)]
    now = status(shards=shards, workers=[worker(0, journalling=False)], troubles=["a"])
    drawn = picture(now, [], may_change=False)
    assert drawn.troubles == [line.plain for line in status_text.complaints(now)]
    assert len(drawn.troubles) == 3


def test_of_much_that_is_wrong_the_first_is_said_and_the_rest_is_counted() -> None:
    workers = [worker(slot, journalling=False) for slot in range(MOST_TROUBLES + 2)]
    drawn = picture(status(workers=workers), [], may_change=False)
    assert len(drawn.troubles) == MOST_TROUBLES + 1
    assert drawn.troubles[-1] == "2 more, which /status has"


def test_hosts_are_told_with_the_digits_that_the_page_shows() -> None:
    rows = [host("a", labels={"x": "y"}, heard_s=0.4, cpu_percent=17.4), away("b")]
    one = taken(hosts=rows)
    assert one.hosts[0].labels == {}
    assert (one.hosts[0].heard_s, one.hosts[0].cpu_percent, one.hosts[1].gone_in_s) == (0, 17, 12)
    assert one.hosts[1].cpu_percent is None
    again = [host("a", heard_s=0.3, cpu_percent=17.1, disk_free_bytes=(90 << 30) + 1), away("b")]
    assert "hosts" not in taken(hosts=again).differs_from(one)
    assert "hosts" in taken(hosts=[away("a"), away("b")]).differs_from(one)
