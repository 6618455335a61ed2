"""Stages."""

from __future__ import annotations

from cluster.events.base import Dispatch, Payload, dispatch
from cluster.events.objects.schedule import StageInstance


@dispatch("STAGE_INSTANCE_CREATE", "Stage")
class StageInstanceCreate(Dispatch):
    """A stage is live."""

    stage_instance: Payload[StageInstance]


@dispatch("STAGE_INSTANCE_UPDATE", "Stage")
class StageInstanceUpdate(Dispatch):
    """A stage was changed."""

    stage_instance: Payload[StageInstance]


@dispatch("STAGE_INSTANCE_DELETE", "Stage")
class StageInstanceDelete(Dispatch):
    """A stage was closed."""

    stage_instance: Payload[StageInstance]
