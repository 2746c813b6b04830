"""What waits for one person, and deciding many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from awaitly.actors import Actor, By, as_actor
from awaitly.approvals.approval import Approval, Decision
from awaitly.approvals.chiming import climbed
from awaitly.approvals.eligibility import concerns, is_open_to, same_person
from awaitly.approvals.events import Absence, Standing
from awaitly.approvals.grants import ANYONE, NAME, ROLE, is_kept
from awaitly.durations import Duration, as_timedelta, from_micros
from awaitly.errors import PendingApproval, Refusal
from awaitly.exceptions import RecordCorrupt
from awaitly.result import Result
from awaitly.storage.asked import approvals_of, listed_approvals
from awaitly.storage.records import approval_of
from awaitly.storage.store import NEVER, ApprovalQuery, ApprovalRow, Page, cursor
from awaitly.verbs.staffing import Staffing

__all__ = ["MOST_LOOKS", "Inbox", "WasShown"]

T = TypeVar("T")
V = TypeVar("V")

_AT_ONCE = 32
"""How many are read, or decided, at a time: one process's commits share their journeys to the disk."""
MOST_LOOKS = 20
"""How many pages of the store are gone through for one page of what waits: a person may be barred from many."""


class WasShown(Protocol):
    """What somebody was shown of an approval; a `PendingApproval` is one."""

    @property
    def run_id(self) -> str:
        """The run that asks."""
        ...

    @property
    def key(self) -> str:
        """The approval's key in its run."""
        ...

    @property
    def revision(self) -> int:
        """The revision that was shown."""
        ...

    @property
    def digest(self) -> str:
        """The digest of its content."""
        ...


class Inbox(Staffing):
    """Lists what waits for a person, and takes decisions in bulk."""

    async def waiting_for(
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
        """List what waits for this person's decision, the nearest deadline first, those without one last.

        By name, roles, application rules, delegations and absences, as things stand now; left out is what they may not
        decide (they requested it, made its revision, or somebody else has claimed it for themselves) and what they have
        voted on. `prefix` is one of run ids; `due_within` leaves out what has longer. A page may be short though
        `after`, to be given for the next one, says that there is more.
        """
        by = as_actor(person)
        now = await self._store.now()
        standing = Standing(absences=await self._standings.absences_for(by, from_micros(now)))
        audience = self._audience(by, standing.absences)
        found: list[PendingApproval] = []
        for _ in range(MOST_LOOKS):
            query = ApprovalQuery(
                run_id=run_id,
                prefix=prefix,
                workflow=workflow,
                alive_at=now,
                deadline_before=None if due_within is None else _after(now, due_within),
                audience=audience,
                limit=limit,
                after=after,
            )
            page = await listed_approvals(self._store, query)
            for row in page.items:
                view = await self._view(row, by, standing, from_micros(now))
                if view is not None:
                    found.append(view)
                if len(found) == limit:
                    more = page.after is not None or row is not page.items[-1]
                    return Page(tuple(found), _position(row) if more else None)
            after = page.after
            if after is None:
                break
        return Page(tuple(found), after)

    def _audience(self, by: Actor, absences: Iterable[Absence]) -> tuple[str, ...]:
        """Give the names under which an approval is kept that this person may have to decide on."""
        names = {ANYONE, *_names(by.name, by.roles), *self._standings.grants}
        names.update(name for each in absences for name in _names(each.owner.name, each.owner.roles))
        return tuple(sorted(filter(is_kept, names)))

    async def concerning(self, person: By, run_id: str) -> tuple[Approval, ...]:
        """Give those approvals of a run that are this person's business, decided or not, as they stand.

        That is: they asked, may decide or edit or might have, or have had a part in it. Whether they may decide right
        now, only trying tells. What does not decode is left out, and an unknown run has none.
        """
        by = as_actor(person)
        found = await approvals_of(self._store, run_id)
        legible = [approval for row in found.approvals if (approval := _legible(row)) is not None]
        absences = await self._standings.absences_for(by, from_micros(found.now)) if legible else ()
        return tuple([a for a in legible if concerns(a, by, await self._standing(by, a, absences))])

    async def decided_by(self, person: By, *, runs: int = 60, after: str | None = None) -> Page[Approval]:
        """Give what this person has decided or voted on in the newest `runs` runs, as it stands, by these runs.

        A page may be short, or empty, though `after`, to be given for the next one, says that there are older runs.
        What does not decode is left out.
        """
        by = as_actor(person)
        page = await self.runs(limit=runs, after=after)
        found = await _at_most_at_once(lambda run: self._store.approvals(run.run_id), page.items)
        legible = [approval for each in found for row in each.approvals if (approval := _legible(row)) is not None]
        return Page(tuple([approval for approval in legible if _has_acted(by, approval)]), page.after)

    async def _standing(self, by: Actor, approval: Approval, absences: tuple[Absence, ...]) -> Standing:
        rules = await self._standings.rules_met(by, approval) if approval.rules else frozenset[str]()
        return Standing(rules=rules, absences=absences)

    async def _view(self, row: ApprovalRow, by: Actor, standing: Standing, now: datetime) -> PendingApproval | None:
        """Show an approval, by now on the level whose time has come, if it waits for this person.

        One that does not decode waits for nobody.
        """
        legible = _legible(row)
        if legible is None:
            return None
        approval = climbed(legible, now).approval
        standing = await self._standing(by, approval, standing.absences)
        return approval.view() if is_open_to(approval, by, standing, now) else None

    async def approve_all(self, pending: Iterable[WasShown], *, by: By) -> tuple[Result[Decision, Refusal], ...]:
        """Approve many, each at the revision and content that is given here, and give each one's result in order.

        Where the store fails for one, that is raised once the others are through; those are repetitions then.
        """
        return await _at_most_at_once(
            lambda p: self.approve(p.run_id, p.key, by=by, revision=p.revision, digest=p.digest), pending
        )

    async def reject_all(
        self, pending: Iterable[WasShown], reason: str | None = None, *, by: By
    ) -> tuple[Result[Decision, Refusal], ...]:
        """Reject many for one reason, as `approve_all` approves."""
        return await _at_most_at_once(
            lambda p: self.reject(p.run_id, p.key, reason, by=by, revision=p.revision, digest=p.digest), pending
        )


def _legible(row: ApprovalRow) -> Approval | None:
    try:
        return approval_of(row)
    except RecordCorrupt:
        return None


def _has_acted(by: Actor, approval: Approval) -> bool:
    """Whether somebody has decided an approval, or voted on its revision."""
    acted = [*(vote.by for vote in approval.votes), *([] if approval.closing is None else [approval.closing.by])]
    return any(same_person(by, actor) for actor in acted)


def _names(name: str, roles: Iterable[str]) -> list[str]:
    """Give the names under which what waits for somebody may be listed."""
    return [name, NAME + name, *(ROLE + role for role in roles)]


def _after(now: int, length: Duration) -> int:
    """Give the time, in microseconds, that is a length after another; what never comes, where that is beyond all."""
    return min(now + as_timedelta(length) // timedelta(microseconds=1), NEVER)


def _position(row: ApprovalRow) -> str:
    return cursor(NEVER if row.deadline is None else row.deadline, row.run_id, row.key)


async def _at_most_at_once(act: Callable[[T], Coroutine[Any, Any, V]], each: Iterable[T]) -> tuple[V, ...]:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> V:
        async with limit:
            return await act(item)

    tasks = [asyncio.ensure_future(one(item)) for item in each]
    await asyncio.gather(*tasks, return_exceptions=True)  # where the store fails, none is left under way
    return tuple([task.result() for task in tasks])
