"""Giving, listing and using standing grants, and the ceiling on how often agents may ask."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import field

from awaitly.actors import By, as_actor
from awaitly.approvals.policy import Risk
from awaitly.durations import Duration, as_timedelta, from_micros
from awaitly.errors import PendingApproval
from awaitly.exceptions import DefinitionError, RecordCorrupt
from awaitly.gating.calls import ToolCall
from awaitly.gating.conditions import conditions_of
from awaitly.gating.refusals import TooManyQuestions
from awaitly.gating.standing import GrantRefused, StandingGrant, grant_of, grants_prefix, row_of_grant
from awaitly.gating.tickets import agent_prefix
from awaitly.ids import GRANTS, new_run_id
from awaitly.result import Err, Ok, Result
from awaitly.storage.asked import listed_runs
from awaitly.storage.store import Changes, Hold, Move, RunQuery, Store
from awaitly.values import frozen
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["Ceiling", "Grants", "checked_pace"]

_AT_ONCE = 1_000
_MOST_USES = 10_000


def _span(value: Duration) -> timedelta:
    return as_timedelta(value)


@frozen
class Ceiling:
    """How often one agent may have people asked: `questions` times within a length of time.

    Raises `DefinitionError` for what would let nobody ask, `ValueError` where `within` is no length of time.
    """

    questions: int
    within: timedelta = field(default=timedelta(hours=1), converter=_span)

    def __attrs_post_init__(self) -> None:
        """Refuse what would let nobody ask. Raises `DefinitionError`."""
        if type(self.questions) is not int or not 1 <= self.questions <= _AT_ONCE:
            msg = f"a ceiling is from 1 to {_AT_ONCE} questions, not {self.questions!r}"
            raise DefinitionError(msg)
        if self.within <= timedelta(0):
            msg = f"a ceiling counts over a length of time, not {self.within}"
            raise DefinitionError(msg)


class Grants:
    """The standing grants of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def give(
        self,
        tool: str,
        *,
        when: Mapping[str, Any],
        uses: int,
        until: datetime | Duration,
        agent: str | None,
        by: By,
    ) -> Result[StandingGrant, GrantRefused]:
        """Keep a yes in advance."""
        now = from_micros(await self._store.now())
        try:
            ends = until if isinstance(until, datetime) else now + as_timedelta(until)
            conditions = conditions_of(when)
        except (DefinitionError, ValueError, OverflowError) as exc:
            return Err(GrantRefused(tool, str(exc)))
        if ends.tzinfo is None or ends <= now:
            return Err(GrantRefused(tool, f"it would be over at {ends.isoformat()}; give an aware time to come"))
        if type(uses) is not int or not 1 <= uses <= _MOST_USES:
            return Err(GrantRefused(tool, f"uses is from 1 to {_MOST_USES}, not {uses!r}"))
        given = StandingGrant(
            id=new_run_id(),
            tool=tool,
            by=as_actor(by),
            until=ends,
            uses=uses,
            when=conditions,
            agent=agent,
            given_at=now,
        )
        try:
            row = row_of_grant(given, now)
        except RecursionError:
            return Err(GrantRefused(tool, "its conditions are nested too deeply to be kept"))
        await self._store.commit(Changes(move=Move.SCHEDULE, runs=(row,)))
        return Ok(given)

    async def listed(self, tool: str | None = None) -> tuple[StandingGrant, ...]:
        """Give the grants that stand, the newest first; what does not decode grants nothing."""
        now, found = from_micros(await self._store.now()), list[StandingGrant]()
        after: str | None = None
        while True:
            prefix = GRANTS if tool is None else grants_prefix(tool)
            page = await listed_runs(self._store, RunQuery(prefix=prefix, limit=_AT_ONCE, after=after))
            for row in page.items:
                try:
                    found.append(grant_of(row))
                except RecordCorrupt:
                    continue
            after = page.after
            if after is None:
                return tuple(grant for grant in found if grant.uses and now < grant.until)

    async def revoke(self, grant_id: str) -> bool:
        """End a grant; False where there is none."""
        while True:
            grant = next((each for each in await self.listed() if each.id == grant_id), None)
            if grant is None:
                return False
            if isinstance(await self._store.commit(Changes(move=Move.SCHEDULE, forgotten=(_held(grant),))), Ok):
                return True

    async def vote(self, orchestrator: Orchestrator, call: ToolCall, asked: PendingApproval) -> None:
        """Cast the votes that grants give for a call which waits. Each takes a use, whatever the policy makes of it."""
        voted = set(asked.votes)
        for grant in await self.listed(call.tool):
            now = from_micros(await self._store.now())
            if grant.by.name in voted or not grant.covers(call.arguments, call.agent, now):
                continue
            if not await self._used(grant, now):
                continue  # somebody else has just used it: this call waits for people, or for the next grant
            voted.add(grant.by.name)
            match await orchestrator.approve(asked.run_id, by=grant.voter, digest=asked.digest):
                case Ok(decision) if decision.outcome is not None:
                    return
                case _:
                    continue

    async def _used(self, grant: StandingGrant, now: datetime) -> bool:
        """Take a use; the last one ends the grant."""
        if grant.uses > 1:
            changes = Changes(move=Move.SCHEDULE, runs=(row_of_grant(grant.used(), now),))
        else:
            changes = Changes(move=Move.SCHEDULE, forgotten=(_held(grant),))
        return isinstance(await self._store.commit(changes), Ok)


def _held(grant: StandingGrant) -> Hold:
    return Hold(grants_prefix(grant.tool) + grant.id, grant.version)


async def checked_pace(
    orchestrator: Orchestrator, ceiling: Ceiling | None, agent: By | None
) -> Result[None, TooManyQuestions]:
    """Refuse where an agent has had people asked too often lately."""
    if ceiling is None:
        return Ok(None)
    now = await orchestrator.now()
    page = await orchestrator.runs(prefix=agent_prefix(agent), limit=ceiling.questions)
    recent = [run for run in page.items if now - run.created_at < ceiling.within]
    if len(recent) < ceiling.questions:
        return Ok(None)
    name = "an agent" if agent is None else as_actor(agent).name
    return Err(TooManyQuestions(name, ceiling.questions, ceiling.within))


def may_be_granted(risk: Risk) -> bool:
    """Whether a yes in advance counts: not where a wrong decision does much harm."""
    return risk is not Risk.HIGH
