"""Judges a run: gathers what the witnesses saw, and draws the sums when nothing is broken."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from tests.chaos.cluster_under_test import ClusterUnderTest
from tests.chaos.fault_log import FaultLog
from tests.chaos.judgement.identifies import judge_identifies
from tests.chaos.judgement.sessions import ended_early, unexplained_gaps

EARLY_S: Final = 1.0
"""Seconds by which an identify may come too early: on a busy machine the one before it was on its
way for longer than the limiter reckons with. It costs a wait, and no identify."""
SESSION_LOSSES: Final = ("op9_lost", "close_lost", "forgotten_session")
"""Kinds of faults that cost an identify."""
GAP_CAUSES: Final = ("replay_skips", *SESSION_LOSSES)
"""Kinds of faults that cost a gap."""


class Judge:
    """Writes breaches, and the gaps and identifies of each fault, into the log of a run."""

    def __init__(self, tested: ClusterUnderTest, log: FaultLog) -> None:
        self._tested = tested
        self._log = log
        self._judged_sessions = 0
        self._judged_breaches = 0
        self._sandbox_counts: Counter[str] = Counter()

    async def settle(self) -> None:
        """Draw the sums while nothing is broken: everything has come, and the numbers are even."""
        tested = self._tested
        await tested.connected(range(tested.shards))
        await tested.caught_up(range(tested.shards), list(tested.audits))
        rows = await tested.sandbox.sessions()
        skipped = {row["session"]: set(row["skipped"]) for row in rows}
        for audit in [*tested.audits.values(), *tested.done]:
            for breach in unexplained_gaps(audit.covered, skipped, audit.who):
                self._log.breach(breach.kind, breach.who, breach.text, breach.moment)
            audit.covered.clear()
        for ended_at, text in ended_early(rows, tested.audits["all"].ends):
            if not self._log.disturbed(ended_at):
                self._log.breach("lost", "all", text, ended_at)
        tested.audits["all"].ends.clear()
        tested.done = [audit for audit in tested.done if audit.breaches]
        self._judge_identifies(rows)
        self.gather()

    def _judge_identifies(self, rows: list[dict[str, Any]]) -> None:
        identifies = judge_identifies(rows, self._tested.ledger.witnessed, self._tested.logouts)
        for identify in identifies[self._judged_sessions :]:
            fault = self._log.under_way(identify.moment, SESSION_LOSSES)
            fault.counts["spent"] += 1
            fault.counts["needed"] += identify.due
            if not identify.due:
                text = f"{identify.key} identified though its session could be resumed"
                self._log.breach("identify", "sandbox", f"{text} ({identify.why})", identify.moment)
        self._judged_sessions = len(identifies)

    def gather(self) -> None:
        """Put the breaches and gaps that witnesses saw since the last time down to faults."""
        breaches = self._tested.breaches
        for kind, who, moment, text in breaches[self._judged_breaches :]:
            self._log.breach(kind, who, text, moment)
        self._judged_breaches = len(breaches)
        self._look_at_sandbox(self._tested.state)
        audit = self._tested.audits["all"]
        for name, moments in (("said", audit.said_at), ("due", audit.due_at)):
            for moment in moments:
                self._log.under_way(moment, GAP_CAUSES).counts[name] += 1
            moments.clear()

    def _look_at_sandbox(self, state: dict[str, Any]) -> None:
        """Note what the sandbox counts as wrong."""
        identifies = state["identifies"]
        counts = {
            "identify": (
                "came before their bucket was free",
                identifies["early"] if identifies["earliest_s"] > EARLY_S else 0,
            ),
            "other": (
                "acknowledged what had not been sent",
                state["counters"].get("acknowledged_ahead", 0),
            ),
        }
        for kind, (what, count) in counts.items():
            if count > self._sandbox_counts[what]:
                self._sandbox_counts[what] = count
                self._log.breach(kind, "sandbox", f"{count} of its clients' payloads {what}")
        if state["failures"] and not self._log.breaches:
            self._log.breach("other", "sandbox", f"a bug of its own: {state['failures']}")
