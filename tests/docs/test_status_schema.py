"""docs/reference/status.schema.json is what the types say, and statuses are of it."""

from __future__ import annotations

from typing import Any

import jsonschema
import msgspec
import pytest

from cluster.wire.status import ClusterStatus, GateReport, Operation, OutsideClaim
from docs.generator.status_schema import FILE, status_schema, text
from tests.coordinator.http.statuses import budget, shard, status, subscriber, worker


def exact(schema: Any) -> Any:
    """Return the schema with which no field may be there that it does not name."""
    match schema:
        case {"properties": _}:
            return {**{k: exact(v) for k, v in schema.items()}, "additionalProperties": False}
        case dict():
            return {k: exact(v) for k, v in schema.items()}
        case list():
            return [exact(one) for one in schema]
    return schema


def check(of: ClusterStatus) -> None:
    jsonschema.validate(
        msgspec.json.decode(msgspec.json.encode(of)),
        exact(status_schema()),
        cls=jsonschema.Draft202012Validator,
    )


def test_the_file_is_generated_from_the_types() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run python -m docs.generator.status_schema"


def test_it_is_a_schema_that_says_what_fields_mean() -> None:
    schema = status_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    parts = schema["$defs"]
    assert parts["ShardStatus"]["properties"]["silent_s"]["description"].startswith("Seconds since")
    assert parts["WorkerStatus"]["properties"]["rss_bytes"]["description"]


@pytest.mark.parametrize(
    "of",
    [
        status(),
        status(shards=[], workers=[]),
        status(
            shards=[shard(0, silent_s=None, heartbeat_ms=None, next_try_s=1.5)],
            workers=[worker(0, pid=None, uptime_s=None, detail="it is gone")],
            subscribers=[subscriber("bot.py", misfits={"READY": 1})],
            budget=budget(
                outside=[OutsideClaim(shard_id=1, shard_count=2, who="x")], asked_again_s=1.0
            ),
            operation=Operation(id="1", kind="rolling restart"),
            gate=GateReport(pid=1, keys=1, subscribers=1, refused=1),
        ),
    ],
)
def test_statuses_are_of_it(of: ClusterStatus) -> None:
    check(of)


def test_what_is_another_thing_is_not() -> None:
    wrong = msgspec.json.decode(msgspec.json.encode(status()))
    for changed in ({**wrong, "state": "fine"}, {**wrong, "pid": "1"}, {"name": "x"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(changed, status_schema())
