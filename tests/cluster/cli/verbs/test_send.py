"""`send` without a cluster: what it refuses before it asks anybody, and how it shows members."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from cluster.cli import main
from cluster.cli.verbs.send import show_members
from cluster.commands import Members

Run = Callable[..., Result]


@pytest.mark.parametrize("data", [b'"\xff"', b"{", b"[" * 70_000, b""], ids=lambda data: data[:4])
def test_what_is_no_json_is_said_in_one_line(data: bytes, dcgw: Run) -> None:
    given = CliRunner().invoke(main, ["send", "raw", "31", "-", "--shard", "0"], input=data)
    as_argument = dcgw("send", "raw", "31", os.fsdecode(data), "--shard", "0")
    for result in (given, as_argument):
        assert result.exit_code == 2, result.exception
        assert result.output.startswith("Error: d is no JSON (")
        assert result.output.count("\n") == 1


def chunk(names: list[str]) -> Members:
    members = [{"user": {"id": "7", "username": name}} for name in names]
    d = {"guild_id": "1", "members": members, "chunk_index": 0, "chunk_count": 1}
    return Members(guild_id=1, chunks=[json.dumps(d).encode()], not_found=[8])


def test_members_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    show_members(chunk(["birch\x1b[31m\n"]), as_json=False)
    out, err = capsys.readouterr()
    assert out.startswith("7 ")
    assert "\x1b" not in out
    assert out.count("\n") == 1
    assert err == "1 member\nnot there: 8\n"
    show_members(chunk(["birch", "oak"]), as_json=True)
    out, err = capsys.readouterr()
    assert [json.loads(line)["user"]["username"] for line in out.splitlines()] == ["birch", "oak"]
    assert err == ""
