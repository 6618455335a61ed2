"""Folders that are this user's alone: how they are made, and who could put others in their
place."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import msgspec
import pytest

from cluster.config.loading import load
from cluster.endpoints.curve_keys import KeyFolder
from cluster.endpoints.folders import make_private, replaceable, why_not_made
from cluster.errors import ClusterError, ConfigError

ROOT = os.getuid() == 0
OTHER_UID = 54321


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    return folder


def test_each_folder_that_is_made_is_this_user_s_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private(tmp_path / "x" / "y" / "z")
        with pytest.raises(ConfigError, match="no key named"):
            KeyFolder(tmp_path / "state" / "keys").remove("bot")
    finally:
        os.umask(before)
    for name in ("x", "x/y", "x/y/z", "state", "state/keys"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700, name


def test_one_of_one_s_own_is_not_replaceable(deep: Path) -> None:
    assert replaceable(deep) == ""
    assert replaceable(deep / "not" / "there") == ""
    assert replaceable(Path("/tmp")) == "", "root's, with the sticky bit"


@pytest.mark.parametrize("above", ["..", "../..", "../../.."])
def test_every_folder_above_is_looked_at(above: str, deep: Path) -> None:
    folder = (deep / above).resolve()
    mode = folder.stat().st_mode & 0o777
    folder.chmod(0o777)
    try:
        assert replaceable(deep).startswith(f"everybody can write to {folder}, and put another ")
        with pytest.raises(ClusterError, match="everybody can write"):
            make_private(deep)
        with pytest.raises(ConfigError, match=r"^state_dir: everybody can write"):
            load(env={"DCGW_STATE_DIR": str(deep)}).spec_with("")
        folder.chmod(0o1777)
        assert replaceable(deep) == "", "there only its owner can take it away"
    finally:
        folder.chmod(mode)


@pytest.mark.skipif(not ROOT, reason="gives folders to others")
def test_others_groups_and_owners(deep: Path) -> None:
    deep.parent.chmod(0o770)
    assert replaceable(deep) == "", "a group of this user's own"
    own = pwd.getpwuid(os.getuid())
    with pytest.MonkeyPatch.context() as patch:
        group = grp.struct_group((own.pw_name, "x", own.pw_gid, [own.pw_name, "friend"]))
        patch.setattr(grp, "getgrgid", lambda _: group)
        assert "the group of" in replaceable(deep), "with somebody else in it"
    with pytest.MonkeyPatch.context() as patch:
        group = grp.struct_group(("shared", "x", OTHER_UID, []))
        patch.setattr(grp, "getgrgid", lambda _: group)
        os.chown(deep.parent, -1, OTHER_UID)
        assert "the group of" in replaceable(deep), "whose members have it as their first"
    os.chown(deep.parent, -1, OTHER_UID)
    assert replaceable(deep).startswith(f"the group of {deep.parent} can write to it")
    deep.parent.chmod(0o700)
    os.chown(deep.parent.parent, OTHER_UID, -1)
    assert replaceable(deep) == (
        f"{deep.parent.parent} belongs to another user, who could put another in its place"
    )


def test_links_are_followed_and_looked_at(deep: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(Path("a") / "b" / ".." / "b")
    assert replaceable(link / "c") == ""
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    (open_to_all / "link").symlink_to(deep)
    open_to_all.chmod(0o777)
    why = f"everybody can write to {open_to_all}, and put another link there"
    assert replaceable(open_to_all / "link") == why
    link.unlink()
    link.symlink_to(open_to_all / "link")
    assert replaceable(link) == why, "by two links"
    with pytest.raises(ConfigError, match="everybody can write"):
        load(env={"DCGW_STATE_DIR": str(link)}).spec_with("")
    link.unlink()
    link.symlink_to(link)
    assert "too many links" in replaceable(link / "c")
    link.unlink()
    link.symlink_to(Path("a") / ".." / "open")
    assert replaceable(link / "link") == why, "by a folder above"


@pytest.mark.skipif(not ROOT, reason="gives a link to others")
def test_a_link_of_another_s_in_a_shared_folder(deep: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "link").symlink_to(deep)
    assert replaceable(shared / "link") == ""
    os.chown(shared / "link", OTHER_UID, -1, follow_symlinks=False)
    assert "belongs to another user" in replaceable(shared / "link")


def test_token_and_key_files_that_others_can_replace(
    deep: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = KeyFolder(deep / "keys").add("bot", (), 0)
    token, key = deep / "token", deep / "bot.key"
    for file, text in ((token, b"abc"), (key, msgspec.json.encode(made))):
        file.write_bytes(text)
        file.chmod(0o600)
    configured = {"DCGW_TOKEN_FILE": str(token)}
    assert load(env=configured).token() == ("abc", [])
    type(made).read(key)
    assert caplog.text == ""
    deep.parent.chmod(0o777)
    _, (warning,) = load(env=configured).token()
    assert warning.startswith(f"token_file {token} is not safe there: everybody can write to ")
    type(made).read(key)
    assert f"the key file {key} is not safe there" in caplog.text


def test_whether_a_folder_can_be_made_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_not_made(tmp_path) == ""
    assert why_not_made(tmp_path / "x" / "y") == ""
    assert list(tmp_path.iterdir()) == [], "what was made is gone"
    (tmp_path / "file").touch()
    assert "can't be made" in why_not_made(tmp_path / "file" / "y")
    assert "(Not a directory)" in why_not_made(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "(Permission denied)" in why_not_made(tmp_path)
