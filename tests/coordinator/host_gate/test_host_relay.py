"""Whose message it is, and who is spoken to."""

from __future__ import annotations

import pytest

from cluster.endpoints.curve_keys import Client, Right, pair
from coordinator.host_gate.host_relay import MOST_IDS, HostIds, fault
from tests.coordinator.host_gate.rig import identity


def client(name: str, *may: Right) -> Client:
    return Client(name=name, public=pair()[0], may=may)


HERE = client("here", "host")


def test_a_host_speaks_for_itself() -> None:
    assert fault(identity("here"), 1, 1, HERE) == ""
    assert fault(identity("here", 7), 2, 2, client("here", "status", "host")) == ""


@pytest.mark.parametrize("who", [None, client("here"), client("here", "control", "send")])
def test_a_key_without_the_right_says_nothing(who: Client | None) -> None:
    assert "no host's" in fault(identity("here"), 1, 1, who)


@pytest.mark.parametrize(
    "own",
    [
        b"", b"here", b"here/", b"/" + b"0" * 16, b"here/" + b"0" * 15, b"here/" + b"0" * 17,
        b"here/" + b"G" * 16, b"here/" + b"0" * 16 + b"\n", b"here\n/" + b"0" * 16, b"\xff\xfe",
        b"\0here/" + b"0" * 16, b"x" * 33 + b"/" + b"0" * 16, b"here/here/" + b"0" * 16,
    ],
)  # fmt: skip
def test_an_id_of_no_form_is_refused(own: bytes) -> None:
    assert "none of a host" in fault(own, 1, 1, HERE)


@pytest.mark.parametrize("name", ["there", "Here", "here2", "her"])
def test_nobody_speaks_for_another(name: str) -> None:
    assert fault(identity(name), 1, 1, HERE) == f"it says that it is {name}"


@pytest.mark.parametrize("parts", [0, 2, 3, 1000])
def test_a_message_has_its_frames(parts: int) -> None:
    assert "frames in place of 1" in fault(identity("here"), parts, 1, HERE)


def test_only_the_last_ids_of_a_host_are_spoken_to() -> None:
    ids = HostIds()
    assert identity("here") not in ids
    for number in range(MOST_IDS):
        ids.spoke("here", identity("here", number))
    ids.spoke("here", identity("here", 0))
    ids.spoke("there", identity("there"))
    assert all(identity("here", number) in ids for number in range(MOST_IDS))
    ids.spoke("here", identity("here", MOST_IDS))
    assert identity("here", 1) not in ids, "it is the one that was silent for longest"
    assert identity("here", 0) in ids
    assert identity("there") in ids, "each host has its own"
