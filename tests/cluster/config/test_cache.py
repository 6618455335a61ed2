"""[cache]: what is kept, and what Discord must send for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.config.cache import kept
from cluster.config.loading import load
from cluster.errors import ConfigError


def loaded(folder: Path, text: str, **env: str) -> tuple[str, ...]:
    file = folder / "mine.toml"
    file.write_text(text)
    return kept(load(file=file, env=env).config)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ('[cache]\nkeep = ["guilds"]', ("guilds",)),
        ('[cache]\nkeep = "guilds"', ("guilds",)),
        ('[cache]\nkeep = ["users"]', ("guilds", "users")),
        (
            'intents = "all"\n[cache]\nkeep = ["presences", "members"]',
            ("guilds", "members", "presences"),
        ),
        ('[proxy]\nlisten = "127.0.0.1:7320"', ("guilds",)),
    ],
)
def test_what_is_kept(text: str, names: tuple[str, ...], tmp_path: Path) -> None:
    assert loaded(tmp_path, text) == names


def test_a_variable_names_one_or_several(tmp_path: Path) -> None:
    assert loaded(tmp_path, "", DCGW_CACHE_KEEP="guilds") == ("guilds",)
    assert loaded(tmp_path, "", DCGW_CACHE_KEEP="guilds,users") == ("guilds", "users")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[cache]\nkeep = ["guild"]', 'out of "guilds", "members", "presences" and "users"'),
        ('[cache]\nkeep = ["members"]', "intents has no guild_members"),
        ('[cache]\nkeep = ["presences"]', "intents has no guild_presences"),
        ('intents = "none"\n[cache]\nkeep = ["users"]', "intents has no guilds"),
        ('intents = "none"\n[proxy]\nlisten = "127.0.0.1:7320"', "proxy.listen keeps"),
        ("[cache]\nbytes = 1000", "a whole number from 16777216"),
        (
            'account = "user"\nclient_build_number = 9\n[cache]\nkeep = ["guilds"]',
            "the cache is for bots",
        ),
    ],
)
def test_what_can_not_be_kept(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        loaded(tmp_path, text)
