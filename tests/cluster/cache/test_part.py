"""Parts, typed."""

from __future__ import annotations

import pytest

from cluster.cache import CacheError
from cluster.cache.reading.part import CLASSES, Part
from cluster.decode_errors import UNFIT
from cluster.events.base import UNSET
from cluster.events.objects.members import Member, Role


def test_a_field_that_does_not_fit_is_left_out_and_counted() -> None:
    before = UNFIT.count
    role = Part(Role, b'{"id":"7","name":"role","position":{}}').typed()
    assert (role.id, role.name) == (7, "role")
    position: object = role.position
    assert position is UNSET
    assert UNFIT.count == before + 1
    assert "Role $.position" in UNFIT.places


def test_half_a_surrogate_pair_is_no_misfit() -> None:
    before = UNFIT.count
    role = Part(Role, b'{"id":"7","name":"\\ud800"}').typed()
    assert role.name == "\N{REPLACEMENT CHARACTER}"
    assert UNFIT.count == before
    assert Part(Role, b'{"name":"\\ud800"}').json() == {"name": "\N{REPLACEMENT CHARACTER}"}


def test_what_is_no_object() -> None:
    for raw in (b"", b"[]", b"{"):
        with pytest.raises(CacheError, match="a Member of the cache is none"):
            Part(Member, raw).typed()


def test_every_kind_has_a_class() -> None:
    for kind, cls in CLASSES.items():
        part = Part(cls, b'{"id":"7","user_id":"8","user":{"id":"9"}}')
        assert type(part.typed()) is cls, kind
