"""Standing grants: a yes that somebody gives in advance, to calls of a tool with such arguments, so often.

A grant is a vote, and no more: under the policy of each call it counts as that person's vote would. It stands among the
runs, under an id of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import evolve, field

from awaitly.actors import Actor, By, as_actor
from awaitly.coding.texts import compact
from awaitly.digest import digest
from awaitly.durations import from_micros, to_micros
from awaitly.gating.conditions import Condition, Conditions, hold
from awaitly.ids import GRANTS
from awaitly.storage.records.parts import actor_of, count_of, optional, plain_actor, read_row, text_of
from awaitly.storage.store import RunRow
from awaitly.values import frozen

__all__ = ["GrantRefused", "StandingGrant", "grant_of", "grants_prefix", "row_of_grant"]

_GRANTED = "granted"
"""No status of a run: no move applies to such a row."""


@frozen(kw_only=True)
class StandingGrant:
    """A yes in advance: `by` whom, to calls of `tool` whose arguments are such, `uses` times more and until `until`.

    `agent` is the only one whose calls it is for, None for every agent's. `version` is what a store swaps by.
    """

    id: str
    tool: str
    by: Actor
    until: datetime
    uses: int
    when: Conditions = ()
    agent: str | None = None
    given_at: datetime
    version: int = field(default=1, eq=False)

    def covers(self, arguments: Mapping[str, Any], agent: By | None, now: datetime) -> bool:
        """Whether it is a yes to a call, at a time. What cannot be judged is not covered."""
        name = None if agent is None else as_actor(agent).name
        if self.uses < 1 or now >= self.until or self.agent not in (None, name):
            return False
        try:
            return hold(self.when, arguments)
        except TypeError:
            return False

    def used(self) -> StandingGrant:
        """Give it with one use less."""
        return evolve(self, uses=self.uses - 1, version=self.version + 1)

    @property
    def voter(self) -> Actor:
        """Who votes by it: the ledger notes that it was by this grant."""
        return evolve(self.by, via=f"grant {self.id}", authenticated_at=None)


@frozen
class GrantRefused:
    """A standing grant was not taken."""

    tool: str
    reason: str

    def __str__(self) -> str:
        return f"no standing grant for {self.tool}: {self.reason}"


def grants_prefix(tool: str) -> str:
    """Give how the ids of the rows of all grants for a tool begin."""
    return f"{GRANTS}{digest(tool)[3:23]}:"


def row_of_grant(grant: StandingGrant, now: datetime) -> RunRow:
    """Write a grant."""
    body = {
        "tool": grant.tool,
        "by": plain_actor(grant.by),
        "until": to_micros(grant.until),
        "uses": grant.uses,
        "when": [[each.path, each.operator, each.operand] for each in grant.when],
        "agent": grant.agent,
    }
    return RunRow(
        run_id=grants_prefix(grant.tool) + grant.id,
        version=grant.version,
        workflow="",
        status=_GRANTED,
        created_at=to_micros(grant.given_at),
        updated_at=to_micros(now),
        due_at=None,
        body=json.dumps(body),
    )


def grant_of(row: RunRow) -> StandingGrant:
    """Read a grant. Raises `RecordCorrupt`."""
    return read_row(_grant_of, row, "the standing grant")


def _grant_of(row: RunRow) -> StandingGrant:
    body = compact(row.body)
    return StandingGrant(
        id=row.run_id.rpartition(":")[2],
        tool=text_of(body["tool"]),
        by=actor_of(body["by"]),
        until=from_micros(body["until"]),
        uses=count_of(body["uses"]),
        when=tuple(Condition(path, operator, operand) for path, operator, operand in body["when"]),
        agent=optional(text_of, body["agent"]),
        given_at=from_micros(row.created_at),
        version=row.version,
    )
