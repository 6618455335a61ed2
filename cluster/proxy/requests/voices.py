"""Voices: whose the bot's place in a guild's voice channels is.

At Discord it is the gateway session's that asked for it, and is given up with that. The sessions of
the cluster outlive those of its clients, so the proxy gives it up for a client's session: at once
where it is over, or has an heir (whose process is another, and holds no voice connection), else
when it was not resumed in time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from cluster.decode_errors import worth_saying
from cluster.proxy.requests.payloads import VoiceRequest
from cluster.proxy.requests.store import RequestStoreError, Store, Voice

log = logging.getLogger(__name__)

ABSENT_S: Final = 180.0
"""Seconds for which a session without a client keeps its place: Discord can be resumed for a few
minutes."""


class Voices:
    """Who asked for voice where, in this process."""

    def __init__(
        self,
        store: Store,
        process: int,
        *,
        leave: Callable[[str, int], None],
        clock: Callable[[], float],
    ) -> None:
        """leave: has the bot leave voice in a guild, for a session. clock: monotonic seconds."""
        self._store = store
        self._process = process
        self._leave = leave
        self._clock = clock
        self._absent: dict[str, float] = {}
        """Sessions without a client, and since when."""
        self.unkept = 0
        """How often something could not be kept, or not be looked up."""

    def begin(self) -> None:
        """Take up the sessions that the process of this number had: none has a client yet."""
        try:
            voices = self._store.voices_of_process(self._process)
        except RequestStoreError as error:
            self._failed(error)
            return
        for voice in voices:
            self.absent(voice.session_id)

    def asked(self, session_id: str, request: VoiceRequest) -> None:
        """A session asks for voice."""
        joined = request.channel_id is not None
        try:
            self._store.set_voice(Voice(request.guild_id, session_id, joined, self._process))
        except RequestStoreError as error:
            self._failed(error)

    def absent(self, session_id: str) -> None:
        """A session has no client any more."""
        self._absent.setdefault(session_id, self._clock())

    def back(self, session_id: str) -> None:
        """A session has a client again, here."""
        self._absent.pop(session_id, None)
        try:
            if self._store.voices(session_id):
                self._store.move_voices(session_id, session_id, self._process)
        except RequestStoreError as error:
            self._failed(error)

    def over(self, session_id: str) -> None:
        """A session is over, or another has come in its place."""
        self._absent.pop(session_id, None)
        try:
            for voice in self._store.voices(session_id):
                self._store.drop_voice(voice.guild_id)
                if voice.joined:
                    self._leave(session_id, voice.guild_id)
        except RequestStoreError as error:
            self._failed(error)

    def look(self) -> None:
        """Give up the places of those who were absent for too long, unless another process has
        their sessions."""
        before = self._clock() - ABSENT_S
        for session_id in [one for one, since in self._absent.items() if since <= before]:
            del self._absent[session_id]
            try:
                here = any(
                    voice.process == self._process for voice in self._store.voices(session_id)
                )
            except RequestStoreError as error:
                self._failed(error)
                continue
            if here:
                self.over(session_id)

    def _failed(self, error: RequestStoreError) -> None:
        self.unkept += 1
        if worth_saying(self.unkept):
            log.warning("who asked for voice is not known: %s", error)
