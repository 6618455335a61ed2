"""Programs outside that ask this coordinator for identifies (cluster.wire.identifies).

They wait in the same queue as this cluster's workers, each under its ticket. A ticket waits while
an `identify` of it is being answered and no longer, so who is gone holds no place; an answer that
nobody was there to take gives the grant back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from cluster.errors import ClusterError
from cluster.identify.bucket import Grant, Outsider
from cluster.identify.limiter import GRANT_TIMEOUT_S, IdentifyLimiter
from cluster.wire.identifies import POLL_S, IdentifyAsk, IdentifyNotice, IdentifyTurn
from cluster.wire.status import OutsideClaim
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.verb import Parcel, Verb, args_of

log = logging.getLogger(__name__)

MAX_SENT: Final = 1024
"""How many identifies that were sent are remembered until they are said to be accepted."""


class ExternalTicket:
    """One identify that is asked for."""

    def __init__(self, ask: IdentifyAsk) -> None:
        self.ask = ask
        self.owner = Outsider(ask.asker, ask.ticket)
        self.grant: Grant | None = None
        self.poll: asyncio.Future[None] | None = None
        """What the newest request waits for: done when there is something to say."""

    def renew(self) -> asyncio.Future[None]:
        """Return what a request that has come now waits for; the one before it is answered."""
        self.wake()
        self.poll = asyncio.get_running_loop().create_future()
        return self.poll

    def wake(self) -> None:
        if self.poll is not None and not self.poll.done():
            self.poll.set_result(None)


class ExternalIdentifies:
    """The tickets of a limiter."""

    def __init__(
        self,
        limiter: IdentifyLimiter,
        ledger: IdentifyLedger,
        *,
        account: str,
        changed: Callable[[], None],
        clock: Callable[[], float],
        poll_s: float = POLL_S,
    ) -> None:
        """account: its account_key, with the store id as salt. changed: called when the limiter has
        learnt something. clock: monotonic seconds."""
        self._limiter = limiter
        self._ledger = ledger
        self._account = account
        self._changed = changed
        self._clock = clock
        self._poll_s = poll_s
        self._waiting: dict[str, ExternalTicket] = {}
        self._granted: dict[str, ExternalTicket] = {}
        self._sent: dict[str, int] = {}
        """Ticket -> grant id, oldest first."""

    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {
            "identify": self.identify,
            "identify_sent": self.sent,
            "identify_ready": self.ready,
            "identify_unused": self.unused,
        }

    async def identify(self, args: dict[str, Any]) -> object:
        """Ask for a grant. args: IdentifyAsk. Returns an IdentifyTurn, when the grant is given or
        after poll_s."""
        ask = args_of(args, IdentifyAsk)
        self._check(ask)
        ticket = (
            self._granted.get(ask.ticket) or self._waiting.get(ask.ticket) or ExternalTicket(ask)
        )
        poll = ticket.renew()
        ticket.grant = self._limiter.request(ask.shard_id, ticket.owner)
        if ticket.grant is None:
            self._granted.pop(ask.ticket, None)  # given up for lost
            self._waiting[ask.ticket] = ticket
            self._changed()
            await asyncio.wait({poll}, timeout=self._poll_s)
            if ticket.poll is not poll:  # it was asked again since, or is not wanted any more
                return IdentifyTurn(granted=False)
        else:
            self._granted[ask.ticket] = ticket
        if ticket.grant is None:
            self._drop(ask.ticket)
            return IdentifyTurn(granted=False)
        good_s = ticket.grant.granted_at + GRANT_TIMEOUT_S - self._clock()
        return Parcel(
            IdentifyTurn(granted=True, good_s=max(0.0, good_s)),
            lambda: self._undelivered(ticket, poll),
        )

    async def sent(self, args: dict[str, Any]) -> None:
        """Take note that the identify was sent: the bucket's window runs from now. args:
        IdentifyNotice."""
        notice = args_of(args, IdentifyNotice)
        if notice.ticket in self._sent:
            return
        ticket = self._granted.pop(notice.ticket, None)
        if ticket is None or ticket.grant is None:
            # A grant from before a restart, given up for lost, or never given: Discord counts it
            log.warning("an identify of shard %d was sent, its grant is not known", notice.shard_id)
            self._limiter.sent(notice.shard_id, 0, self._clock())
        else:
            grant = ticket.grant
            self._limiter.sent(grant.shard_id, grant.grant_id, self._clock())
            self._ledger.sent(grant.grant_id)
            self._sent[notice.ticket] = grant.grant_id
            if len(self._sent) > MAX_SENT:
                del self._sent[next(iter(self._sent))]
        self._changed()

    async def ready(self, args: dict[str, Any]) -> None:
        """Take note that the READY has come. args: IdentifyNotice."""
        notice = args_of(args, IdentifyNotice)
        if (grant_id := self._sent.pop(notice.ticket, None)) is not None:
            self._limiter.accepted(notice.shard_id, grant_id, self._clock())

    async def unused(self, args: dict[str, Any]) -> None:
        """Take a grant back that is not used; a ticket that waits does so no more. args:
        IdentifyNotice."""
        notice = args_of(args, IdentifyNotice)
        ticket = self._waiting.get(notice.ticket) or self._granted.get(notice.ticket)
        if ticket is None or ticket.ask.shard_id != notice.shard_id:
            return
        if self._granted.pop(notice.ticket, None):
            grant = ticket.grant
            if grant is not None and self._limiter.unused(grant.shard_id, grant.grant_id):
                self._ledger.unused(grant.grant_id)
        else:
            self._drop(notice.ticket)
        self._changed()

    def shard_count(self, owner: Outsider) -> int:
        """Return the shard count of a ticket that waits; 0: it was not said."""
        return self._waiting[owner.ticket].ask.shard_count

    def give(self, owner: Outsider, grant: Grant) -> None:
        """Give a grant, which is in the ledger, to a ticket that waits."""
        ticket = self._waiting.pop(owner.ticket)
        for old in [t for t, one in self._granted.items() if self._lost(one)]:
            log.warning("nothing was heard of a grant to %s: spent", _who(self._granted[old].ask))
            del self._granted[old]
        ticket.grant = grant
        self._granted[owner.ticket] = ticket
        ticket.wake()

    def claims(self) -> list[OutsideClaim]:
        """Return who waits, in the order in which they came."""
        return [
            OutsideClaim(shard_id=ask.shard_id, shard_count=ask.shard_count, who=_who(ask))
            for ask in (ticket.ask for ticket in self._waiting.values())
        ]

    def wait_s(self, asker: str) -> float:
        """Return the seconds until this asker has the last grant that it waits for, if all goes
        well."""
        now = self._clock()
        own = [
            due_at
            for due_at, claim in self._limiter.schedule(now)
            if isinstance(claim.owner, Outsider) and claim.owner.asker == asker
        ]
        return max(own, default=now) - now

    # -- inside ---------------------------------------------------------------------------------

    def _check(self, ask: IdentifyAsk) -> None:
        if ask.account and ask.account != self._account:
            raise ClusterError(
                f"{_who(ask)} asks for identifies of another account than this cluster's",
                "give both the same token, or name another cluster in identify.broker",
            )
        known = self._granted.get(ask.ticket) or self._waiting.get(ask.ticket)
        if known is not None and known.ask.shard_id != ask.shard_id:
            raise ClusterError(f"the ticket is of shard {known.ask.shard_id}, not {ask.shard_id}")
        if ask.ticket in self._sent:
            raise ClusterError("the ticket's identify was sent already", "ask with a new ticket")

    def _drop(self, ticket_id: str) -> None:
        """Let a ticket wait no more."""
        ticket = self._waiting.pop(ticket_id)
        self._limiter.withdraw(ticket.ask.shard_id, ticket.owner)
        ticket.wake()
        ticket.poll = None

    def _lost(self, ticket: ExternalTicket) -> bool:
        """Whether the limiter has given its grant up."""
        grant = ticket.grant
        return grant is not None and self._clock() >= grant.granted_at + GRANT_TIMEOUT_S

    def _undelivered(self, ticket: ExternalTicket, poll: asyncio.Future[None]) -> None:
        """Take back a grant that nobody was there to take; who has asked again since heard of it
        then."""
        if ticket.poll is poll and ticket.ask.ticket in self._granted:
            del self._granted[ticket.ask.ticket]
            log.warning("%s is not there to take its grant", _who(ticket.ask))
            grant = ticket.grant
            if grant is not None and self._limiter.undelivered(grant):
                self._ledger.unused(grant.grant_id)
            self._changed()


def _who(ask: IdentifyAsk) -> str:
    """Return who asks, fit for a terminal or a log, whatever it said."""
    return "".join(c if c.isprintable() else "?" for c in ask.who) or "a program outside"
