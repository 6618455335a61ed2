"""The URL of a store: what is one, and that no part of its password is shown."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from cluster.cli import main
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import ClusterKeys
from cluster.config.loading import load
from cluster.config.store_url import check_store, store_name
from cluster.errors import ConfigError

URL = "postgresql://dcgw:s3cr3t@db1,db2:5433/bot?sslmode=require"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (URL, "postgresql://dcgw@db1,db2:5433/bot"),
        ("postgresql:///bot?host=/run/postgresql", "postgresql:///bot"),
        ("postgres://db/bot?password=s3cr3t", "postgres://db/bot"),
        ("postgresql://u:p%40ss%2F@[::1]:5432/bot", "postgresql://u@[::1]:5432/bot"),
    ],
)
def test_a_name_has_all_but_the_secret(url: str, name: str) -> None:
    check_store(url, find=lambda module: module)
    assert store_name(url).replace("postgres://", "postgresql://") == name.replace(
        "postgres://", "postgresql://"
    )


@pytest.mark.parametrize(
    "url",
    [
        "s3cr3t",
        "sqlite:///s3cr3t",
        "postgresql:dcgw:s3cr3t@db/bot",
        "postgresql://dcgw:s3cr3t@more@db/bot",
        "postgresql://dcgw:s3cr3t/more@db/bot",
        "postgresql://dcgw:s3cr3t?more@db/bot",
        "postgresql://dcgw:s3cr3t#more@db/bot",
        "postgresql://dcgw:s3cr3t@[db/bot",
        "postgresql://dcgw:s3cr3t@db/bot\n",
        "host=db password=s3cr3t",
    ],
)
def test_what_is_no_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_store(url, find=lambda module: module)
    assert "s3cr3t" not in str(caught.value)
    assert "%40" in caught.value.action


def test_a_missing_package_is_asked_for_by_the_name_of_its_extra() -> None:
    check_store("", find=lambda module: None)
    with pytest.raises(ConfigError, match=r"pip install 'dcgw-cluster\[postgres\]'") as caught:
        check_store(URL, find=lambda module: None)
    assert "s3cr3t" not in str(caught.value)


def test_nothing_that_people_see_has_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"DCGW_STORE": URL, "DCGW_TOKEN": "t"}
    loaded = load(env=env)
    spec, _ = loaded.spec()
    assert spec.store == URL
    keys = msgspec.convert(spec, ClusterKeys, from_attributes=True)
    for text in (repr(spec), repr(keys), repr(loaded), str(loaded.values())):
        assert "s3cr3t" not in text.replace(repr(env), "")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for words in (["config", "show"], ["config", "show", "--json"], ["config", "check"]):
        shown = CliRunner().invoke(main, words)
        assert shown.exit_code == 0, shown.output
        assert "s3cr3t" not in shown.output


def test_a_coordinator_checks_it_too() -> None:
    spec = CoordinatorSpec(name="n", state_dir="/s", runtime_dir="/r", token="t", store="s3cr3t")
    with pytest.raises(ConfigError, match="not the URL"):
        spec.check()
