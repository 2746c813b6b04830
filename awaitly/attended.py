"""The verbs around what waits, for plain code: attending to it, standing in, deciding in bulk, the ledger, notices."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from awaitly.actors import By
from awaitly.approvals.approval import Approval, Decision
from awaitly.approvals.audit import BrokenChain, Entry, Part
from awaitly.approvals.events import Absence
from awaitly.approvals.grants import Grant
from awaitly.approvals.notices import Notice
from awaitly.durations import Duration
from awaitly.errors import AbsenceRefused, NeedsReview, PendingApproval, Refusal, UnknownApproval, UnknownNotice
from awaitly.looping import Looping
from awaitly.result import Result
from awaitly.storage.store import Page
from awaitly.verbs.outbox import DeadLetter
from awaitly.verbs.progress import Progress

__all__ = ["Attended"]


class Attended(Looping):
    """Lets plain code attend to approvals; each verb is the one of the same name of `awaitly.Orchestrator`."""

    # Attending

    def now(self) -> datetime:
        """Read the store's clock, by which deadlines are judged."""
        return self._run(self._inner.now())

    def concerning(self, person: By, run_id: str) -> tuple[Approval, ...]:
        """Give those approvals of a run that are this person's business, decided or not."""
        return self._run(self._inner.concerning(person, run_id))

    def decided_by(self, person: By, *, runs: int = 60, after: str | None = None) -> Page[Approval]:
        """Give what this person has decided or voted on in the newest runs."""
        return self._run(self._inner.decided_by(person, runs=runs, after=after))

    def claim(self, run_id: str, key: str | None = None, *, by: By) -> Result[Decision, Refusal]:
        """Take an approval on, so that others see it."""
        return self._run(self._inner.claim(run_id, key, by=by))

    def release(self, run_id: str, key: str | None = None, *, by: By) -> Result[Decision, Refusal]:
        """Give up one's claim; an admin may release anybody's."""
        return self._run(self._inner.release(run_id, key, by=by))

    def delegate(self, run_id: str, key: str | None = None, *, to: str, by: By) -> Result[Decision, Refusal]:
        """Let `to`, a person's name, decide on one's behalf."""
        return self._run(self._inner.delegate(run_id, key, to=to, by=by))

    def reassign(
        self, run_id: str, key: str | None = None, *, to: Iterable[Grant], by: By
    ) -> Result[Decision, Refusal]:
        """Let others decide than the policy's approvers: names, `role:NAME`s and rules."""
        return self._run(self._inner.reassign(run_id, key, to=to, by=by))

    def comment(self, run_id: str, key: str | None = None, *, text: str, by: By) -> Result[Decision, Refusal]:
        """Say something beside an approval."""
        return self._run(self._inner.comment(run_id, key, text=text, by=by))

    def inquire(self, run_id: str, key: str | None = None, *, text: str, by: By) -> Result[Decision, Refusal]:
        """Ask the requester for more information."""
        return self._run(self._inner.inquire(run_id, key, text=text, by=by))

    def answer(self, run_id: str, key: str | None = None, *, text: str, by: By) -> Result[Decision, Refusal]:
        """Answer what was asked: the requester may, or an admin."""
        return self._run(self._inner.answer(run_id, key, text=text, by=by))

    def seen(self, run_id: str, key: str | None = None, *, by: By) -> Result[Decision, Refusal]:
        """Note that somebody was shown the current revision."""
        return self._run(self._inner.seen(run_id, key, by=by))

    def spoofed(
        self, run_id: str, key: str | None = None, *, members: Iterable[str], named: Iterable[str] = (), by: By
    ) -> Result[Decision, Refusal]:
        """Note that a request of `by` said that somebody else acts, and was refused."""
        return self._run(self._inner.spoofed(run_id, key, members=members, named=named, by=by))

    # Standing in

    def away(
        self, owner: By, *, to: str, until: datetime | Duration, since: datetime | None = None, by: By | None = None
    ) -> Result[Absence, AbsenceRefused]:
        """Let `to` decide on `owner`'s behalf wherever that one may, until `until`."""
        return self._run(self._inner.away(owner, to=to, until=until, since=since, by=by))

    def back(self, owner: By, *, by: By | None = None) -> Result[tuple[Absence, ...], AbsenceRefused]:
        """End all absences of `owner`, and give them."""
        return self._run(self._inner.back(owner, by=by))

    def absences(self, *, to: str | None = None) -> tuple[Absence, ...]:
        """List who is, was or will be away, the first to go first."""
        return self._run(self._inner.absences(to=to))

    # In bulk

    def waiting_for(
        self,
        person: By,
        *,
        run_id: str | None = None,
        prefix: str | None = None,
        workflow: str | None = None,
        due_within: Duration | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[PendingApproval]:
        """List what waits for this person's decision, the nearest deadline first."""
        return self._run(
            self._inner.waiting_for(
                person,
                run_id=run_id,
                prefix=prefix,
                workflow=workflow,
                due_within=due_within,
                limit=limit,
                after=after,
            )
        )

    def approve_all(self, pending: Iterable[PendingApproval], *, by: By) -> tuple[Result[Decision, Refusal], ...]:
        """Approve many, each as it is given here, and give each one's result in order."""
        return self._run(self._inner.approve_all(pending, by=by))

    def reject_all(
        self, pending: Iterable[PendingApproval], reason: str | None = None, *, by: By
    ) -> tuple[Result[Decision, Refusal], ...]:
        """Reject many for one reason, as `approve_all` approves."""
        return self._run(self._inner.reject_all(pending, reason, by=by))

    # Looking

    def progress(self, run_id: str, chain: str) -> Result[Progress, UnknownApproval | NeedsReview]:
        """Tell which stages of a chain are completed, which one waits and for whom, which remain or are left out."""
        return self._run(self._inner.progress(run_id, chain))

    def ledger(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger, in order."""
        return self._run(self._inner.ledger(run_id))

    def redact(
        self, run_id: str, *, parts: Collection[Part] = (Part.TEXT,), key: str | None = None
    ) -> Result[int, BrokenChain]:
        """Take texts, or people, out of a run's ledger for good; gives how many entries have changed."""
        return self._run(self._inner.redact(run_id, parts=parts, key=key))

    # Telling people

    def notices(self, run_id: str) -> tuple[Notice, ...]:
        """List what people were, or are to be, told of a run."""
        return self._run(self._inner.notices(run_id))

    def dead_letters(
        self, *, run_id: str | None = None, channel: str | None = None, limit: int = 50, after: str | None = None
    ) -> Page[DeadLetter]:
        """List the notices that were given up, by run."""
        return self._run(self._inner.dead_letters(run_id=run_id, channel=channel, limit=limit, after=after))

    def resend(self, run_id: str, key: str) -> Result[Notice, UnknownNotice]:
        """Have a notice that was given up sent again, under the same id."""
        return self._run(self._inner.resend(run_id, key))
