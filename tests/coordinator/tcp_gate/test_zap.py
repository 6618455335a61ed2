"""Who is let in: libzmq's question at a handshake, put by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from zmq.utils import z85

from cluster.endpoints.curve_keys import KeyFolder, pair
from coordinator.tcp_gate.keyring import Keyring
from coordinator.tcp_gate.zap import DOMAIN, ENDPOINT, HOSTS_DOMAIN, Zap


class Handshakes:
    """Asks as libzmq does at a handshake."""

    def __init__(self, folder: Path, domain: bytes = DOMAIN) -> None:
        self.keys = KeyFolder(folder)
        self.keyring = Keyring(folder)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.zap = Zap(self._context, self.keyring, domain)
        self._ask = self._context.socket(zmq.REQ)
        self._ask.connect(ENDPOINT)

    def ask(self, public: str, *, domain: bytes = DOMAIN, mechanism: bytes = b"CURVE") -> bytes:
        """Return the status of the answer."""
        key = z85.decode(public.encode())
        return self.put([b"1.0", b"7", domain, b"10.0.0.9", b"", mechanism, key])[2]

    def put(self, frames: list[bytes]) -> list[bytes]:
        self._ask.send_multipart(frames)
        self.zap.answer()
        return self._ask.recv_multipart()

    def close(self) -> None:
        self._context.destroy(0)


@pytest.fixture
def handshakes(tmp_path: Path) -> Iterator[Handshakes]:
    handshakes = Handshakes(tmp_path / "keys")
    yield handshakes
    handshakes.close()


def test_who_is_in_the_file_is_let_in_by_its_public_key(handshakes: Handshakes) -> None:
    bot = handshakes.keys.add("bot", (), now=0)
    key = z85.decode(bot.public.encode())
    answer = handshakes.put([b"1.0", b"7", DOMAIN, b"10.0.0.9", b"", b"CURVE", key])
    assert answer == [b"1.0", b"7", b"200", b"OK", bot.public.encode(), b""]
    handshakes.keys.remove("bot")
    assert handshakes.ask(bot.public) == b"400"
    assert handshakes.zap.refused == 1


@pytest.mark.parametrize("mechanism", [b"NULL", b"PLAIN", b"GSSAPI", b"curve", b""])
def test_only_curve_and_only_here(mechanism: bytes, handshakes: Handshakes) -> None:
    bot = handshakes.keys.add("bot", (), now=0)
    assert handshakes.ask(bot.public, mechanism=mechanism) == b"400"
    assert handshakes.ask(bot.public, domain=b"") == b"400"
    assert handshakes.ask(bot.public, domain=b"another") == b"400"


def test_without_a_file_or_with_a_damaged_one_nobody_is(handshakes: Handshakes) -> None:
    assert handshakes.ask(pair()[0]) == b"400"
    bot = handshakes.keys.add("bot", (), now=0)
    assert handshakes.ask(bot.public) == b"200"
    whole = handshakes.keys.clients_file.read_bytes()
    handshakes.keys.clients_file.write_bytes(whole[:-10])
    assert handshakes.ask(bot.public) == b"300", (
        "not for good: when it is mended, who has a key gets in"
    )
    assert "damaged" in handshakes.keyring.trouble
    handshakes.keys.clients_file.write_bytes(whole)
    assert handshakes.ask(bot.public) == b"200"
    assert handshakes.keyring.trouble == ""
    handshakes.keys.clients_file.unlink()
    assert handshakes.ask(bot.public) == b"400"


@pytest.mark.parametrize("count", [1, 2, 5, 6, 8])
def test_a_question_of_another_shape_is_refused(count: int, handshakes: Handshakes) -> None:
    frames = [b"1.0", b"7", DOMAIN, b"a", b"", b"CURVE", bytes(32), b"more"][:count]
    assert handshakes.put(frames)[2] == b"400"


def test_a_key_that_came_and_went_between_two_looks_is_still_known_to_be_in(
    handshakes: Handshakes,
) -> None:
    bot = handshakes.keys.add("bot", (), now=0)
    assert handshakes.ask(bot.public) == b"200"
    handshakes.keys.remove("bot")
    assert handshakes.zap.lost() == {bot.public}
    handshakes.keys.add("bot", (), now=0)
    handshakes.keys.clients_file.write_bytes(b"{")
    assert handshakes.zap.lost() == {bot.public}


def test_where_hosts_come_in_only_hosts_do(tmp_path: Path) -> None:
    handshakes = Handshakes(tmp_path / "keys", HOSTS_DOMAIN)
    host = handshakes.keys.add("host", ("host",), now=0)
    bot = handshakes.keys.add("bot", ("status", "identify", "send", "control"), now=0)
    try:
        assert handshakes.ask(host.public, domain=HOSTS_DOMAIN) == b"200"
        assert handshakes.ask(bot.public, domain=HOSTS_DOMAIN) == b"400"
        assert handshakes.ask(host.public, domain=DOMAIN) == b"400"
        assert handshakes.zap.lost() == set()
        whole = handshakes.keys.clients_file.read_bytes()
        handshakes.keys.clients_file.write_bytes(whole[:-10])
        assert handshakes.ask(host.public, domain=HOSTS_DOMAIN) == b"300"
        assert handshakes.zap.lost() == set(), "who is in stays while nobody can say who may"
        handshakes.keys.clients_file.write_bytes(whole)
        handshakes.keys.remove("host")
        assert handshakes.zap.lost() == {host.public}
    finally:
        handshakes.close()


def test_a_host_may_subscribe_as_every_key_may(handshakes: Handshakes) -> None:
    host = handshakes.keys.add("host", ("host",), now=0)
    assert handshakes.ask(host.public) == b"200"
