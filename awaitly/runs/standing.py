"""What holds of an actor besides name and roles: rules of the application's own, and for whom they stand in.

It fails closed: a rule that is not known here, that raises or that answers anything but True grants nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from awaitly.actors import Actor
from awaitly.approvals.approval import Approval
from awaitly.approvals.events import Absence, Event, Seated, Standing
from awaitly.approvals.grants import Rule
from awaitly.approvals.handling import DEEPEST
from awaitly.changing import changed
from awaitly.errors import Refusal
from awaitly.exceptions import DefinitionError, RecordCorrupt
from awaitly.logs import LOGGER, line
from awaitly.result import Ok, Result
from awaitly.runs.picking import Eventful
from awaitly.storage.records import absence_of, absences_prefix
from awaitly.storage.store import RunQuery, Store

__all__ = ["NO_RULES", "Rules", "Standings", "absences_in", "by_rules", "rules_by_grant", "with_absences"]

Rules: TypeAlias = Mapping[str, Rule]
"""The rules of an application, by the grants that name them."""

NO_RULES: Rules = MappingProxyType({})
_AT_ONCE = 1_000
_Seated = TypeVar("_Seated", bound=Seated)


def rules_by_grant(rules: Iterable[Rule]) -> Rules:
    """Give rules by their grants. Raises `DefinitionError` where two have one name."""
    named: dict[str, Rule] = {}
    for rule in rules:
        if named.setdefault(rule.grant, rule) is not rule:
            msg = f"two rules are called {rule.name!r}: name one of them anew"
            raise DefinitionError(msg)
    return MappingProxyType(named)


def with_absences(event: _Seated, absences: tuple[Absence, ...]) -> _Seated:
    """Give an event as that of somebody who stands in for others."""
    return changed(event, standing=Standing(rules=event.standing.rules, absences=absences))


def by_rules(event: Eventful, rules: Rules) -> Eventful:
    """Mean an event by somebody who has what these rules give them there and then: nothing is awaited."""

    def judged(approval: Approval) -> Result[Event, Refusal]:
        match event(approval):
            case Ok(meant) if isinstance(meant, Seated):
                met = frozenset(g for g in approval.rules if _is_met_at_once(rules.get(g), meant.by, approval))
                return Ok(changed(meant, standing=Standing(rules=met)))
            case other:
                return other

    return judged


def _is_met_at_once(rule: Rule | None, by: Actor, approval: Approval) -> bool:
    if rule is None:
        return False
    try:
        answer = rule.holds(by, approval)
        if not inspect.isawaitable(answer):
            return answer is True
        if inspect.iscoroutine(answer):
            answer.close()
        awaited = "it would have to be awaited, which is for an orchestrator"
        LOGGER.warning(line("rule_failed", rule=rule.name, run=approval.run_id, error=awaited))
    except Exception as exc:  # noqa: BLE001  (whatever it is, it must not let anybody in)
        LOGGER.warning(line("rule_failed", rule=rule.name, run=approval.run_id, error=repr(exc)))
    return False


class Standings:
    """What is known of actors in one store, by the rules of one application."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self._store = store
        self._rules = rules

    @property
    def grants(self) -> frozenset[str]:
        """The grants of all rules that are known here."""
        return frozenset(self._rules)

    async def rules_met(self, by: Actor, approval: Approval) -> frozenset[str]:
        """Give those grants of the approval's policy that the application's rules give this actor."""
        return frozenset([grant for grant in approval.rules if await self._is_met(grant, by, approval)])

    async def _is_met(self, grant: str, by: Actor, approval: Approval) -> bool:
        rule = self._rules.get(grant)
        if rule is None:
            return False
        try:
            answer = rule.holds(by, approval)
            return (await answer if inspect.isawaitable(answer) else answer) is True
        except Exception as exc:  # noqa: BLE001  (whatever it is, it must not let anybody in)
            LOGGER.warning(line("rule_failed", rule=rule.name, run=approval.run_id, error=repr(exc)))
            return False

    async def absences_for(self, by: Actor, now: datetime) -> tuple[Absence, ...]:
        """Give those who are away and for whom this actor stands in: also through others who are away themselves."""
        if by.on_behalf_of is not None:
            return ()
        found: dict[str, Absence] = {}
        reached = [by.name]
        for _ in range(DEEPEST):
            near = [absence for name in reached for absence in await self._away_to(name, now)]
            new = {a.owner.name: a for a in near if a.owner.name not in found and a.owner.name != by.name}
            found.update(new)
            reached = list(new)
        return tuple(found.values())

    async def _away_to(self, name: str, now: datetime) -> list[Absence]:
        return [a async for a in absences_in(self._store, absences_prefix(name)) if a.since <= now < a.until]


async def absences_in(store: Store, prefix: str) -> AsyncIterator[Absence]:
    """Read the absences whose ids begin so; one that does not decode lets nobody in, and is logged."""
    after: str | None = None
    while True:
        page = await store.page_runs(RunQuery(prefix=prefix, limit=_AT_ONCE, after=after))
        for row in page.items:
            try:
                yield absence_of(row)
            except RecordCorrupt as exc:
                LOGGER.warning(line("absence_damaged", error=exc))
        if page.after is None:
            return
        after = page.after
