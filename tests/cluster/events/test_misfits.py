"""What does not fit in ``d``: the field is UNSET and told, all else is as it would be else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.decode_errors import MOST_PLACES, UNFIT, Unfit
from cluster.events import (
    UNSET,
    GatewayEvent,
    MessageCreate,
    Misfit,
    ParseError,
    TypingStart,
    decode,
    salvage,
)
from cluster.events.base import DISPATCHES, NOT_OF_D, Dispatch, Object
from cluster.events.objects.experiments import GuildExperiment
from cluster.events.salvage import DEEPEST, LONGEST, MOST, Salvage, payload_of
from cluster.wire.batch import Event as Envelope
from cluster.wire.status import LONGEST_MISFIT
from tests.cluster.events.event_samples import NAMES, sample, sample_json
from tests.cluster.events.test_event_decoding import AUTHOR, MESSAGE

READY: dict[str, Any] = {"v": 9, "user": AUTHOR, "session_id": "s", "guilds": [{"id": "1"}]}


def read(name: str, d: Any) -> Any:
    return decode(name, json.dumps(d).encode())


def told(event: GatewayEvent) -> dict[str, str]:
    return {misfit.path: misfit.reason for misfit in event.misfits}


def test_an_event_that_fits_has_no_misfits() -> None:
    for name in NAMES:
        assert decode(name, sample(name)).misfits == ()
        in_parts = Salvage()
        read_in_parts = in_parts.event(DISPATCHES[name], sample(name))
        msgspec.structs.force_setattr(read_in_parts, "data", sample(name))
        assert read_in_parts == decode(name, sample(name))
        assert in_parts.misfits == ()


def test_ready_is_there_but_for_what_does_not_fit() -> None:
    entries = [{"guild_id": "5", "channel_overrides": {}, "muted": True}, {"guild_id": "6"}]
    settings = {"entries": entries, "partial": False, "version": 3}
    ready = read("READY", READY | {"user_guild_settings": settings})
    place = "$.user_guild_settings.entries[0].channel_overrides"
    assert told(ready) == {place: "Expected `array | null`, got `object`"}
    one, two = ready.user_guild_settings.entries
    assert (one.guild_id, one.channel_overrides, one.muted) == (5, UNSET, True)
    assert (two.guild_id, ready.user_guild_settings.version) == (6, 3)
    assert (ready.user.username, ready.session_id, ready.guilds[0].id) == ("alien", "s", 1)
    assert ready.data == json.dumps(READY | {"user_guild_settings": settings}).encode()


def test_a_misfit_deep_inside_says_where() -> None:
    d = MESSAGE | {"embeds": [{"fields": [{"name": 1, "value": "v"}]}]}
    message = read("MESSAGE_CREATE", d)
    assert told(message) == {"$.embeds[0].fields[0].name": "Expected `str | null`, got `int`"}
    field = message.message.embeds[0].fields[0]
    assert (field.name, field.value) == (UNSET, "v")


def test_the_same_place_in_many_items_is_told_once_with_their_number() -> None:
    members = [{"nick": [], "roles": []}, {"nick": "a"}, {"nick": 1}, {"roles": {}, "nick": 2}]
    chunk = read("GUILD_MEMBERS_CHUNK", {"guild_id": "1", "members": members})
    assert [(one.path, one.place, one.count) for one in chunk.misfits] == [
        ("$.members[0].nick", "$.members[].nick", 3),
        ("$.members[3].roles", "$.members[].roles", 1),
    ]
    assert [one.nick for one in chunk.members] == [UNSET, "a", UNSET, UNSET]
    assert str(chunk.misfits[0]).startswith("$.members[0].nick: Expected")
    assert str(chunk.misfits[0]).endswith("(3 such)")


@pytest.mark.parametrize(
    ("d", "field", "path"),
    [
        ({"mention_roles": ["1", "x"]}, "mention_roles", "$.mention_roles[1]"),
        ({"embeds": [{"title": 5}, 5]}, "embeds", "$.embeds[1]"),
        ({"embeds": 5}, "embeds", "$.embeds"),
        ({"call": {"participants": [[]]}}, "call.participants", "$.call.participants[0]"),
    ],
)  # fmt: skip
def test_a_list_with_an_item_of_another_type_is_left_out(
    d: dict[str, Any], field: str, path: str
) -> None:
    """Lists whose order says something (READY's ``merged_members``) would else be of others."""
    event = read("MESSAGE_CREATE", MESSAGE | d)
    assert list(told(event)) == [path]
    value = event.message
    for name in field.split("."):
        value = getattr(value, name)
    assert value is UNSET


def test_a_map_with_a_value_of_another_type_is_left_out() -> None:
    ready = read("READY", READY | {"notes": {"5": "a", "6": 7}})
    assert (ready.notes, list(told(ready))) == (UNSET, ["$.notes[...]"])
    ready = read("READY", READY | {"notes": {"someone": "a"}})
    assert (ready.notes, list(told(ready))) == (UNSET, ["$.notes"])


def test_an_array_that_is_an_object_has_what_fits_of_it() -> None:
    """An experiment is an array on the wire."""
    row = [1, "key", 2, [[[[3, [{"s": 0, "e": 5}]]], []]], [{"b": 4, "k": ["x"]}], 6]
    ready = read("READY", READY | {"guild_experiments": [row]})
    assert isinstance(ready.guild_experiments[0], GuildExperiment)
    experiment: Any = ready.guild_experiments[0]
    assert (experiment.hash, experiment.hash_key, experiment.revision) == (1, "key", 2)
    assert experiment.populations[0].ranges[0].rollout[0].end == 5
    assert (experiment.overrides[0].bucket, experiment.overrides[0].ids) == (4, UNSET)
    assert experiment.overrides_formatted is UNSET
    assert list(told(ready)) == ["$.guild_experiments[0][4][0].k[0]", "$.guild_experiments[0][5]"]


@pytest.mark.parametrize("timestamp", ["x" * 1_000_000, "nan", {}, [1]], ids=lambda v: str(v)[:9])
def test_what_is_no_time_is_not_quoted(timestamp: Any) -> None:
    event = read("TYPING_START", {"channel_id": "1", "user_id": "2", "timestamp": timestamp})
    assert (event.timestamp, list(told(event))) == (UNSET, ["$.timestamp"])
    assert len(repr(event)) < 200


def test_ids_with_zeros_before_them_are_ids() -> None:
    """Recordings have them whose ids were taken out."""
    none, one = "0" * 18, "0" * 17 + "1"
    d = MESSAGE | {"id": none, "guild_id": one, "mention_roles": [none, one, "7"]}
    event = read("MESSAGE_CREATE", d)
    assert (event.message.id, event.guild_id, event.message.mention_roles) == (0, 1, [0, 1, 7])
    assert (event.data, event.misfits) == (json.dumps(d).encode(), ())
    ready = read("READY", READY | {"notes": {one: "a", "-5": "b", "1100000000000000005": "c"}})
    assert (ready.notes, ready.misfits) == ({1: "a", -5: "b", 1100000000000000005: "c"}, ())
    event = read("MESSAGE_CREATE", d | {"tts": one, "mention_everyone": none})
    assert set(told(event)) == {"$.mention_everyone", "$.tts"}


def test_a_text_keeps_its_zeros_beside_ids_that_have_some() -> None:
    zeros = "000000000000123456"
    d = MESSAGE | {
        "author": AUTHOR | {"id": "0" * 18, "username": zeros},
        "content": zeros,
        "nonce": zeros,
        "metadata": {zeros: zeros},
        "embeds": [{"fields": [{"name": f'a "{zeros}"', "value": f'"{zeros}", "{zeros}"'}]}],
    }
    event = read("MESSAGE_CREATE", d)
    message = event.message
    assert (message.author.id, message.author.username) == (0, zeros)
    assert (message.content, message.nonce, event.metadata) == (zeros, zeros, {zeros: zeros})
    (field,) = message.embeds[0].fields
    assert (field.name, field.value) == (f'a "{zeros}"', f'"{zeros}", "{zeros}"')
    assert event.misfits == ()
    progress = {zeros: {"event_name": zeros, "value": []}}
    event = read("QUESTS_USER_STATUS_UPDATE", {"user_status": {"progress": progress}})
    assert event.user_status.progress[zeros].event_name == zeros
    assert list(told(event)) == ["$.user_status.progress[...].value"]


def test_overwrites_of_older_recordings_have_their_type() -> None:
    """Up to version 6 of the Gateway it was a word, and only theirs was."""

    def channel(kind: str) -> Any:
        overwrites = [{"id": "1", "type": kind, "allow": 8}, {"id": "2", "type": "member"}]
        return read("CHANNEL_CREATE", {"id": "1", "type": 0, "permission_overwrites": overwrites})

    event = channel("role")
    assert [one.type for one in event.channel.permission_overwrites] == [0, 1]
    assert event.misfits == ()
    event = channel("else")
    assert [one.type for one in event.channel.permission_overwrites] == [UNSET, 1]
    assert list(told(event)) == ["$.permission_overwrites[0].type"]
    wrong = {"type": "role", "attachments": 5, "tts": "member", "embeds": [{"type": "role"}]}
    event = read("MESSAGE_CREATE", MESSAGE | wrong)
    assert event.message.embeds[0].type == "role"
    assert set(told(event)) == {"$.type", "$.tts", "$.attachments"}


def test_half_a_surrogate_pair_beside_a_misfit() -> None:
    event = read("MESSAGE_CREATE", MESSAGE | {"content": "\ud83d", "embeds": 5})
    assert (event.message.content, list(told(event))) == ("\ufffd", ["$.embeds"])


def test_text_that_is_no_utf_8_is_a_misfit() -> None:
    data = json.dumps(MESSAGE).encode().replace(b"hello", b"\xff")
    event: Any = decode("MESSAGE_CREATE", data)
    assert (event.message.content, event.message.id) == (UNSET, int(MESSAGE["id"]))
    assert list(told(event)) == ["$.content"]


def test_what_is_told_is_bounded() -> None:
    wrong = {name: {"x": 1} for name in DISPATCHES["READY"].__struct_encode_fields__}
    ready = read("READY", wrong | READY)
    assert len(ready.misfits) == MOST
    deep: Any = {"content": 5}
    for _ in range(DEEPEST + 5):
        deep = {"id": "1", "channel_id": "2", "referenced_message": deep}
    event = read("MESSAGE_CREATE", deep)
    depth, inner = 0, event.message
    while inner:
        depth, inner = depth + 1, inner.referenced_message
    assert DEEPEST - 2 <= depth <= DEEPEST
    ((path, reason),) = told(event).items()
    assert path.startswith("$.referenced_message.referenced_message.")
    assert max(len(path), len(reason)) <= LONGEST
    assert event.message.id == 1
    assert Misfit("$.a[0].b[12][3]", "").place == "$.a[].b[][]"


def test_what_is_refused_too_often_does_not_fit_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    members = [{"nick": 5, "roles": ["1"]}] * 8
    d = {"guild_id": "1", "members": members, "nonce": "n"}
    assert len(read("GUILD_MEMBERS_CHUNK", d).members) == 8
    monkeypatch.setattr(salvage, "MOST_REFUSALS", 8)
    chunk = read("GUILD_MEMBERS_CHUNK", d)
    assert (chunk.guild_id, chunk.members, chunk.nonce) == (1, UNSET, "n")
    assert list(told(chunk)) == ["$.members[4].nick"]


def test_near_the_interpreter_s_limit_it_is_no_event() -> None:
    data = json.dumps(MESSAGE | {"embeds": 5}).encode()

    def deeper() -> set[type]:
        """Go down to the limit; what is decoded on the way up is the less, the nearer it is."""
        try:
            found = deeper()
        except RecursionError:
            found = set()
        with suppress(RecursionError):  # of the call, or of what the assertion calls
            found.add(type(decode("MESSAGE_CREATE", data)))
        return found

    assert deeper() == {MessageCreate, ParseError}


def test_misfits_are_shown_and_an_event_says_nothing_of_them_else() -> None:
    assert "misfits" not in repr(read("MESSAGE_CREATE", MESSAGE))
    assert "misfits=(Misfit(path='$.embeds'" in repr(
        read("MESSAGE_CREATE", MESSAGE | {"embeds": 5})
    )
    error = decode("TYPING_START", b"{}")
    assert isinstance(error, ParseError)
    assert error.misfits == (Misfit("$", error.reason),)


def test_an_object_is_no_array_and_an_array_no_object() -> None:
    wrong = {"guild_experiments": [{"hash": 1}], "user": [], "guilds": [{"properties": []}]}
    ready = read("READY", READY | wrong)
    assert list(told(ready)) == ["$.user", "$.guilds[0].properties", "$.guild_experiments[0]"]
    assert (ready.user, ready.guilds[0].properties) == (UNSET, UNSET)


def test_a_field_of_the_payload_that_is_one_of_the_event_too_is_told_once() -> None:
    event = read("INTEGRATION_CREATE", {"id": "1", "guild_id": "x", "name": "a"})
    assert [(one.path, one.count) for one in event.misfits] == [("$.guild_id", 1)]
    assert (event.guild_id, event.integration.name) == (UNSET, "a")


def test_an_object_without_what_it_promises_is_an_object() -> None:
    ready = read("READY", READY | {"guild_experiments": [[1, "key", 2, [], [{"b": 4}]]]})
    assert (ready.guild_experiments[0].overrides[0].ids, ready.misfits) == (UNSET, ())


def test_a_subscribers_event_is_typed_and_misfits_are_counted() -> None:
    def envelope(d: bytes) -> Envelope:
        return Envelope.make("TYPING_START", 0, 1, 1, 0, d, 0, "store")

    before, places = UNFIT.count, Counter(UNFIT.places)
    assert isinstance(envelope(sample("TYPING_START")).typed(), TypingStart)
    assert UNFIT.count == before
    assert isinstance(envelope(b"{}").typed(), ParseError)
    d = sample_json("TYPING_START") | {"timestamp": {}, "member": {"roles": ["x"], "nick": 5}}
    assert isinstance(envelope(json.dumps(d).encode()).typed(), TypingStart)
    assert UNFIT.count == before + 2
    assert Counter(UNFIT.places) - places == {
        f"TYPING_START {place}": 1
        for place in ("$", "$.timestamp", "$.member.roles[]", "$.member.nick")
    }


def test_places_that_are_counted_are_bounded_and_fit_in_a_report() -> None:
    unfit = Unfit()
    for number in range(MOST_PLACES + 10):
        unfit.note("READY", [f"$.{number}", "$.often"])
    unfit.note("MESSAGE_CREATE", ["$.5"])
    assert unfit.count == MOST_PLACES + 11
    assert len(unfit.places) == MOST_PLACES
    assert next(iter(unfit.most(2).items())) == ("READY $.often", MOST_PLACES + 10)
    assert len(unfit.most(2)) == 2
    assert max(map(len, DISPATCHES)) + 1 + LONGEST <= LONGEST_MISFIT


def spots(value: Any, path: str = "$") -> Iterator[tuple[Any, Any, str]]:
    """(container, key, path) of each place in a JSON value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        place = f"{path}.{key}" if isinstance(value, dict) else f"{path}[{key}]"
        yield value, key, place
        if isinstance(inner, dict | list):
            yield from spots(inner, place)


def differences(before: Any, after: Any) -> Iterator[Any]:
    """What is in an event, or in an object of one, where another is not the same."""
    if isinstance(before, Object) and type(before) is type(after):
        for field in before.__struct_fields__:
            if not (isinstance(before, Dispatch) and field in NOT_OF_D):
                yield from differences(getattr(before, field), getattr(after, field))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from differences(one, other)
    elif isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        for key, one in before.items():
            yield from differences(one, after[key])
    elif before != after:
        yield after


def own_ids(cls: type[Dispatch]) -> set[str]:
    """The paths of the ids that an event of this class can't be without."""
    payload = payload_of(cls)
    required = {
        f"$.{field.encode_name}"
        for field in msgspec.structs.fields(cls)
        if field.default is msgspec.NODEFAULT and field.name != payload
    }
    kind = get_type_hints(cls)[payload] if payload else None
    return required | {"$.id"} if getattr(kind, "promises_id", False) else required


@given(st.sampled_from(NAMES), st.data())
def test_a_misfit_in_any_place_takes_one_field_away(name: str, data: st.DataObject) -> None:
    d = sample_json(name)
    before = decode(name, json.dumps(d).encode())
    if not (places := list(spots(d))):
        return
    container, key, path = data.draw(st.sampled_from(range(len(places))).map(places.__getitem__))
    container[key] = data.draw(st.sampled_from([[{}], [[]], {"?": {}}, "?", -0.5, True]))
    after = decode(name, json.dumps(d).encode())
    is_array = isinstance(d, list) and path.startswith(f"$[{key}")
    if path in own_ids(DISPATCHES[name]) or (is_array and isinstance(after, ParseError)):
        assert isinstance(after, ParseError)
        return
    assert type(after) is type(before)
    if after.misfits:
        gone = list(differences(before, after))
        assert gone == [UNSET] * (
            1 if path != "$.guild_id" else len(gone)
        )  # an integration has two
        (misfit,) = after.misfits
        whole, in_map, _ = misfit.path.partition("[...]")
        assert path.startswith(whole) if in_map else misfit.path.startswith(path)
        assert misfit.count == 1
