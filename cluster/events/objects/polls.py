"""Polls."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object
from cluster.events.enums.messages import PollLayout
from cluster.events.objects.expressions import Emoji


class PollMedia(Object):
    """A text with an emoji."""

    text: str | Absent = UNSET
    emoji: Emoji | Absent = UNSET


class PollAnswer(Object):
    """An answer that can be chosen."""

    answer_id: int | Absent = UNSET
    poll_media: PollMedia


class PollAnswerCount(Object):
    """Votes for an answer."""

    id: int
    count: int
    me_voted: bool


class PollResults(Object):
    """How it stands. Who is missing in ``answer_counts`` has no votes."""

    is_finalized: bool
    answer_counts: list[PollAnswerCount]


class Poll(Object):
    """A poll."""

    question: PollMedia | Absent = UNSET
    answers: list[PollAnswer]
    expiry: datetime | None
    allow_multiselect: bool
    layout_type: PollLayout | Absent = UNSET
    results: PollResults | Absent = UNSET
