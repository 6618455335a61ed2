"""Where a token comes from, what is left out of it, and what is said of one that can't be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.config.loading import load
from cluster.config.tokens import bare_token, read_secrets, readable_by_others
from cluster.errors import ConfigError

TOKEN = "MTIz.secret.token-_0"
UNSEEN = "\ufeff\u200b\u2060\u00a0\u200e \t\r\n"


def in_file(folder: Path, content: bytes, mode: int = 0o600) -> tuple[str, list[str]]:
    """Return the token that a configuration reads from a file with this content, and warnings."""
    (folder / "token").write_bytes(content)
    (folder / "token").chmod(mode)
    (folder / "cluster.toml").write_text('token_file = "token"')
    spec, warnings = load(file=folder / "cluster.toml", env={}).spec()
    return spec.token, warnings


def test_missing_names_the_way_out() -> None:
    with pytest.raises(ConfigError) as caught:
        load(env={}).spec()
    for part in ("DCGW_TOKEN", "token_file", "--sandbox"):
        assert part in str(caught.value)


def test_variable_first_then_file(tmp_path: Path) -> None:
    assert in_file(tmp_path, f"Bot {TOKEN}\n".encode()) == (TOKEN, [])
    spec, _ = load(file=tmp_path / "cluster.toml", env={"DCGW_TOKEN": "other"}).spec()
    assert spec.token == "other"
    spec, _ = load(file=tmp_path / "cluster.toml", env={"DCGW_TOKEN": "\r"}).spec()
    assert spec.token == TOKEN, "the variable is set to nothing"


def test_others_may_read_it(tmp_path: Path) -> None:
    _, warnings = in_file(tmp_path, TOKEN.encode(), 0o644)
    assert len(warnings) == 1
    assert "chmod 600" in warnings[0]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text('token_file = "token"')
    with pytest.raises(ConfigError, match="can't be read"):
        load(file=tmp_path / "cluster.toml", env={}).spec()


@given(before=st.text(UNSEEN), after=st.text(UNSEEN), prefix=st.sampled_from(["", "Bot "]))
def test_what_nobody_sees_around_it_is_left_out(before: str, after: str, prefix: str) -> None:
    assert bare_token(f"{before}{prefix}{TOKEN}{after}", "DCGW_TOKEN", "bot") == TOKEN


@pytest.mark.parametrize("content", [
    f"\ufeff{TOKEN}\r\n", f"\u200b{TOKEN}", f"{TOKEN}\u00a0", f"Bot\u00a0{TOKEN}",
    f"Bot \u200b{TOKEN}",
])  # fmt: skip
def test_marks_in_a_file_and_in_a_variable(tmp_path: Path, content: str) -> None:
    assert in_file(tmp_path, content.encode()) == (TOKEN, [])
    spec, _ = load(env={"DCGW_TOKEN": content}).spec()
    assert spec.token == TOKEN


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "holds no token"),
        (b"  \n", "holds no token"),
        (b"Bot ", "holds no token"),
        (f"{TOKEN} {TOKEN}".encode(), "spaces"),
        (f"{TOKEN}\n{TOKEN}".encode(), "several lines"),
        (TOKEN.encode() * 300, "too long for a token"),
        (TOKEN.encode("utf-16"), "UTF-16 text: save it as UTF-8"),
        (TOKEN.encode("utf-16-le"), "UTF-16"),
        (TOKEN.encode("utf-16-be"), "UTF-16"),
        (TOKEN.encode() + b"\xff", "not UTF-8"),
        (f'"{TOKEN}"\n'.encode(), "stands in quotes"),
        (f"'{TOKEN}'".encode(), "stands in quotes"),
        (f"DCGW_TOKEN={TOKEN}".encode(), "NAME=value"),
        (f'export DCGW_TOKEN="{TOKEN}"\n'.encode(), "NAME=value"),
        (f'token = "{TOKEN}"'.encode(), "NAME=value"),
        (f"MTIz\u200b{TOKEN}".encode(), "can't be seen (U+200B)"),
        (f"{TOKEN}\u043e".encode(), "beyond ASCII"),
        (f"{TOKEN}\r{TOKEN}".encode(), "several lines"),
        (f'{{"token":"{TOKEN}"}}'.encode(), "a bracket"),
        (f'"{TOKEN}'.encode(), "a quote"),
        (f"\x1b[1m{TOKEN}".encode(), "a bracket"),
    ],
)
def test_a_file_that_holds_no_token(tmp_path: Path, content: bytes, cause: str) -> None:
    with pytest.raises(ConfigError) as caught:
        in_file(tmp_path, content)
    said = str(caught.value)
    assert cause in said
    assert str(tmp_path / "token") in said
    assert "secret" not in said
    assert "MTIz" not in said


def test_a_token_that_ends_as_base64_does() -> None:
    assert bare_token("YWJj==", "x", "bot") == "YWJj=="


def test_a_variable_that_an_env_file_quoted() -> None:
    with pytest.raises(ConfigError, match=r"token in DCGW_TOKEN stands in quotes: .*--env-file"):
        load(env={"DCGW_TOKEN": f'"{TOKEN}"'}).spec()


@pytest.mark.parametrize(
    ("mode", "owner", "user", "others"),
    [
        (0o100600, 1000, 1000, False),
        (0o100400, 1000, 1000, False),
        (0o100640, 1000, 1000, True),
        (0o100604, 1000, 1000, True),
        (0o100620, 1000, 1000, True),
        (0o100440, 0, 10001, False),
        (0o100640, 0, 10001, False),
        (0o100444, 0, 10001, True),
        (0o100460, 0, 10001, True),
        (0o100440, 0, 0, True),
        (0o100440, 7, 10001, True),
    ],
)
def test_a_secret_is_for_its_owner_or_for_a_group_that_root_chose(
    mode: int, owner: int, user: int, others: bool
) -> None:
    assert readable_by_others(mode, owner, user) is others


def secrets_in(folder: Path, content: str, mode: int = 0o600) -> tuple[dict[str, str], list[str]]:
    """Return the secrets of a file with this content, and warnings."""
    file = folder / "secrets"
    file.write_text(content)
    file.chmod(mode)
    return read_secrets(file)


def test_secrets_by_the_name_of_their_client(tmp_path: Path) -> None:
    text = "# who may connect\n\n music  0123456789abcdef\npanel-2 fedcba9876543210\r\n"
    named, warnings = secrets_in(tmp_path, text)
    assert named == {"music": "0123456789abcdef", "panel-2": "fedcba9876543210"}
    assert warnings == []
    assert "chmod 600" in secrets_in(tmp_path, text, 0o644)[1][0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("# nothing\n", "holds no secret"),
        ("0123456789abcdef", "line 1 of .* is no NAME SECRET"),
        ("a b c", "line 1 of .* is no NAME SECRET"),
        ("-a 0123456789abcdef", "line 1 of .* is no NAME SECRET"),
        ("a 0123456789abcde", "16 characters or more"),
        ("a 0123456789abcde\u00e9", "16 characters or more"),
        ("a 0123456789abcdef\na fedcba9876543210", "line 2 of .* has the name of another"),
        ("a 0123456789abcdef\nb 0123456789abcdef", "line 2 of .* has the secret of another"),
        ("#" * 300_000, "too long for secrets"),
    ],
)
def test_what_is_no_file_of_secrets(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        secrets_in(tmp_path, content)
    assert "0123456789" not in str(caught.value)
