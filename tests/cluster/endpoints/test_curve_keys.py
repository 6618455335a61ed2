"""Keys in their files, and endpoints on TCP."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import msgspec
import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import (
    Client,
    ClientKeys,
    KeyFolder,
    check_keys,
    encode,
    pair,
)
from cluster.endpoints.folders import write_private
from cluster.endpoints.tcp import Tcp, check_tcp
from cluster.errors import ConfigError

OFFERED = {"tcp.events": "tcp://0.0.0.0:7311"}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_key_is_added_and_taken_away(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "c" / "keys")
    assert folder.clients() == []
    bot = folder.add("bot", (), now=5)
    deploy = folder.add("deploy", ("control",), now=6)
    assert bot.server == deploy.server == folder.server().public
    assert bot.public != deploy.public
    rows = [(c.name, c.public, c.may, c.added) for c in folder.clients()]
    assert rows == [
        ("bot", bot.public, (), 5),
        ("deploy", deploy.public, ("control",), 6),
    ]
    with pytest.raises(ConfigError, match="already"):
        folder.add("bot", (), now=7)
    folder.remove("bot")
    assert [c.name for c in folder.clients()] == ["deploy"]
    with pytest.raises(ConfigError, match="there are deploy"):
        folder.remove("bot")


@pytest.mark.parametrize("changes", [
    {"name": "bot\n"}, {"name": "\nbot"}, {"name": ""}, {"name": "x" * 33},
    {"public": "0" * 40 + "\n"}, {"public": "0" * 41}, {"public": "0" * 39 + "\u0660"},
])  # fmt: skip
def test_names_and_keys_are_taken_to_the_last_character(changes: dict[str, str]) -> None:
    good = {"name": "bot", "public": "0" * 40}
    assert msgspec.convert(good, Client).name == "bot"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(good | changes, Client)


def test_files_are_their_owners_and_hold_no_secret_of_a_client(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    made = folder.add("bot", (), now=0)
    assert mode(folder.folder) == 0o700
    files = list(folder.folder.iterdir())
    assert {mode(file) for file in files} == {0o600}
    assert sorted(file.name for file in files) == ["clients.json", "server.json"]
    written = b"".join(file.read_bytes() for file in files)
    secret = msgspec.json.encode(made.secret).strip(b'"')
    assert secret not in written
    assert msgspec.json.encode(folder.server().secret).strip(b'"') in written
    for shown in (repr(made), repr(folder.server()), str([made])):
        assert made.secret not in shown
        assert folder.server().secret not in shown


def test_the_servers_keys_are_made_once_and_renewed_on_request(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    first = folder.add("a", (), now=0).server
    assert folder.add("b", (), now=0).server == first
    assert folder.renew().public != first
    assert folder.add("c", (), now=0).server == folder.server().public != first


def test_many_who_add_at_once_lose_none(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    threads = [
        threading.Thread(target=KeyFolder(folder).add, args=(f"k{n}", (), 0)) for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({c.name for c in KeyFolder(folder).clients()}) == 12


def test_without_keys_nothing_is_offered(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys")
    assert check_keys(folder, {}) == []
    with pytest.raises(ConfigError, match=r"tcp\.events is set, and there are no keys"):
        check_keys(folder, OFFERED)
    hosts = {"hosts.control": next(iter(OFFERED.values()))}
    with pytest.raises(
        ConfigError, match=r"hosts\.control is set.*keys add NAME --may host --name"
    ):
        check_keys(folder, hosts)
    folder.renew()
    assert "no client has a key" in check_keys(folder, OFFERED)[0]
    folder.add("bot", (), now=0)
    assert check_keys(folder, OFFERED) == []
    for_hosts = {"hosts.control": "tcp://0.0.0.0:7321"}
    assert "no host has a key to join" in check_keys(folder, OFFERED | for_hosts)[0]
    folder.add("here", ("host",), now=0)
    assert check_keys(folder, OFFERED | for_hosts) == []
    folder.server_file.chmod(0o640)
    with pytest.raises(ConfigError, match="can be read by others"):
        check_keys(folder, OFFERED)


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[" * 100_000, b"{}", b'{"public": 1, "secret": 2}', b"\xff" * 5_000_000],
)
def test_a_damaged_file_is_refused_and_not_quoted(damage: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bot.key"
    file.write_bytes(damage)
    with pytest.raises(ConfigError, match="damaged, or something else"):
        ClientKeys.read(file)


def test_a_file_that_an_editor_wrote_anew(tmp_path: Path) -> None:
    """With a byte order mark it is the same; UTF-16 is named."""
    keys = KeyFolder(tmp_path / "keys").add("bot", (), now=5)
    file = tmp_path / "bot.key"
    file.write_bytes(b"\xef\xbb\xbf" + encode(keys) + b"\r\n")
    assert ClientKeys.read(file) == keys
    file.write_bytes(encode(keys).decode().encode("utf-16"))
    with pytest.raises(ConfigError, match=r"bot\.key is UTF-16 text: save it as UTF-8"):
        ClientKeys.read(file)


def test_what_a_damaged_file_holds_is_in_no_message(tmp_path: Path) -> None:
    public, secret = pair()
    good = ClientKeys(name="bot", server=public, public=public, secret=secret)
    file = tmp_path / "bot.key"
    file.write_bytes(encode(good))
    assert ClientKeys.read(file) == good
    quoted = msgspec.json.encode(secret)
    file.write_bytes(encode(good).replace(quoted, quoted[:-1] + b'x"'))
    with pytest.raises(ConfigError) as caught:
        ClientKeys.read(file)
    assert secret[:10] not in str(caught.value)


def test_a_key_file_that_others_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "bot.key"
    write_private(file, encode(KeyFolder(tmp_path / "keys").add("bot", (), now=0)))
    assert mode(file) == 0o600
    ClientKeys.read(file)
    assert caplog.text == ""
    file.chmod(0o644)
    secret = ClientKeys.read(file).secret
    assert f"{file} can be read by others: chmod 600" in caplog.text
    assert secret not in caplog.text
    with pytest.raises(FileExistsError):
        write_private(file, b"")


@pytest.mark.parametrize(
    ("text", "host", "port", "ipv6", "everywhere", "loopback"),
    [
        ("tcp://127.0.0.1:1", "127.0.0.1", 1, False, False, True),
        ("tcp://0.0.0.0:7311", "0.0.0.0", 7311, False, True, False),
        ("tcp://[::1]:7311", "::1", 7311, True, False, True),
        ("tcp://[::]:65535", "::", 65535, True, True, False),
        ("tcp://*:7311", "*", 7311, True, True, False),
        ("tcp://localhost:7311", "localhost", 7311, True, False, True),
        ("tcp://gw.example.org:7311", "gw.example.org", 7311, True, False, False),
    ],
)
def test_endpoints(
    text: str, host: str, port: int, ipv6: bool, everywhere: bool, loopback: bool
) -> None:
    tcp = Tcp.read(text)
    assert tcp is not None
    assert (tcp.host, tcp.port) == (host, port)
    assert (tcp.ipv6, tcp.everywhere, tcp.loopback) == (ipv6, everywhere, loopback)
    assert str(tcp) == text


@pytest.mark.parametrize(
    "text",
    [
        "7311", "0.0.0.0:7311", "tcp://0.0.0.0", "tcp://:7311", "tcp://::1:7311", "tcp://[::1]",
        "tcp://[zz]:1", "tcp://a:0", "tcp://a:65536", "tcp://a:*", "tcp://a b:1", "ipc:///x",
        "tcp://a:1\n", "tcp://[1:2]:3", "udp://a:1", "tcp://a;b:1",
    ],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    assert Tcp.read(text) is None
    with pytest.raises(ConfigError, match=r"tcp\.replay is"):
        check_tcp({"tcp.replay": text})


def test_a_client_has_no_heartbeats(tmp_path: Path) -> None:
    """libzmq 4.3.5 aborts the process when one is due on a connection that broke while its socket
    was full, as that of a subscriber that handles its events slowly is."""
    keys = KeyFolder(tmp_path / "keys").add("bot", (), now=0)
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.linger = 0
        connect(socket, "tcp://127.0.0.1:1", keys)
        assert socket.getsockopt(zmq.HEARTBEAT_IVL) == 0
        assert socket.getsockopt(zmq.TCP_KEEPALIVE) == 1
        assert socket.getsockopt(zmq.MECHANISM) == zmq.CURVE


def test_two_at_one_place_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"tcp\.replay and tcp\.events are both"):
        check_tcp({"tcp.events": "tcp://a:1", "tcp.replay": "tcp://a:1"})


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.text(max_size=60)
    | st.builds(
        "tcp://{}{}{}:{}".format,
        st.sampled_from(["", "["]),
        st.text("0123456789abcdef:.%*", max_size=20) | st.ip_addresses().map(str),
        st.sampled_from(["", "]"]),
        st.integers(-1, 70_000),
    )
)
def test_any_text_is_an_endpoint_or_none(text: str) -> None:
    tcp = Tcp.read(text)
    assert tcp is None or Tcp.read(str(tcp)) == tcp
