"""Experiments: which variant of a feature somebody sees."""

from __future__ import annotations

from typing import Any

import msgspec

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.settings import ApexExperimentFlags


class UserExperiment(Object, array_like=True):
    """Which variant the account sees. An array on the wire."""

    hash: int
    """Murmur3 of the experiment's name."""
    revision: int
    bucket: int
    """The variant that is seen; -1: none."""
    override: int
    population: int
    hash_result: int
    aa_mode: int
    trigger_debugging: int
    holdout_name: str | Absent | None = UNSET
    holdout_revision: int | Absent | None = UNSET
    holdout_bucket: int | Absent | None = UNSET


class ExperimentRollout(Object):
    """A range of positions, of 10,000."""

    start: int = msgspec.field(name="s")
    end: int = msgspec.field(name="e")


class ExperimentRange(Object, array_like=True):
    """Which positions see a variant. An array on the wire."""

    bucket: int
    rollout: list[ExperimentRollout]


class ExperimentFilter(Object, array_like=True):
    """Whom a population is made of. An array on the wire."""

    key: int
    """Murmur3 of the filter's name."""
    value: list[Any]


class ExperimentPopulation(Object, array_like=True):
    """Who sees which variant. An array on the wire."""

    ranges: list[ExperimentRange]
    filters: list[ExperimentFilter]


class ExperimentOverride(Object):
    """Who sees a variant, whatever else holds."""

    bucket: int = msgspec.field(name="b")
    ids: list[Snowflake] = msgspec.field(name="k")


class GuildExperiment(Object, array_like=True):
    """Which guilds see which variant. An array on the wire."""

    hash: int
    """Murmur3 of the experiment's name."""
    hash_key: str | None
    revision: int
    populations: list[ExperimentPopulation]
    overrides: list[ExperimentOverride]
    overrides_formatted: list[list[ExperimentPopulation]]
    holdout_name: str | None
    holdout_bucket: int | None
    aa_mode: int
    trigger_debugging: int


class ApexAssignment(Object, array_like=True):
    """Which variant somebody sees. An array on the wire."""

    hashed_name: int
    variant_id: int
    flags: ApexExperimentFlags | None
    revision: int
    tracked_variant_id: int | Absent = UNSET


class ApexAssignments(Object):
    """Which variants somebody sees."""

    evaluation_id: str
    assignments: list[ApexAssignment]


class ApexExperiments(Object):
    """Experiments of the newer kind."""

    assignments: dict[int, dict[Snowflake, ApexAssignments]]
    installation: str | Absent = UNSET
