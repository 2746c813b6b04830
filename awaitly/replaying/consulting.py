"""Asking people, from a workflow's code: one question, several at once, or a chain of stages."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from awaitly.approvals.approval import StagePlace
from awaitly.approvals.outcomes import Approved, Edited, Outcome, Rejected
from awaitly.approvals.policy import Policy
from awaitly.errors import NotApproved
from awaitly.exceptions import DefinitionError
from awaitly.ids import checked_name
from awaitly.replaying.asking import OPEN, Ask, OnReject, Stage
from awaitly.replaying.branching import Branching
from awaitly.replaying.host import Host
from awaitly.replaying.line import park
from awaitly.replaying.questions import Question, Questions, value_of
from awaitly.replaying.replay import Journal, Scope, Spot
from awaitly.replaying.signals import Parked
from awaitly.replaying.workflow import Workflow
from awaitly.result import Result
from awaitly.storage.journal import RunRecord

__all__ = ["Consulting"]

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
E_contra = TypeVar("E_contra", contravariant=True)


class Consulting(Branching, Generic[E_contra]):
    """Puts questions to people."""

    def __init__(self, workflow: Workflow[..., Any, Any], journal: Journal, run: RunRecord, host: Host) -> None:
        super().__init__(workflow, journal, run, host)
        self._questions = Questions(workflow, journal, run, host.clock)

    def approval(
        self: Consulting[NotApproved],
        key: str,
        *,
        proposes: T,
        summary: str | None = None,
        policy: Policy = OPEN,
        schema: object = None,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        redact: tuple[str, ...] = (),
    ) -> Coroutine[Any, Any, T]:
        """Ask people, and give the approved or edited value; a rejection or an expiry ends the workflow.

        The run parks until somebody decides. An edit must decode as the type of `proposes`, or as `schema`: a type, or
        a JSON Schema given as a dict, with which the value is plain JSON. One that is none fails the run, in words.
        """
        ask = Ask(
            key,
            proposes=proposes,
            summary=summary,
            policy=policy,
            schema=schema,
            reason=reason,
            metadata=metadata or {},
            redact=redact,
        )
        return self._granted(*self._take(ask))

    def decision(
        self,
        key: str,
        *,
        proposes: T,
        summary: str | None = None,
        policy: Policy = OPEN,
        schema: object = None,
        reason: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        redact: tuple[str, ...] = (),
    ) -> Coroutine[Any, Any, Outcome[T]]:
        """Ask people, and give the decision itself: `Approved`, `Edited`, `Rejected` or `Expired`."""
        ask = Ask(
            key,
            proposes=proposes,
            summary=summary,
            policy=policy,
            schema=schema,
            reason=reason,
            metadata=metadata or {},
            redact=redact,
        )
        return self._decided(*self._take(ask))

    @overload
    def approvals(self: Consulting[NotApproved], a: Ask[T1], /) -> Coroutine[Any, Any, tuple[T1]]: ...
    @overload
    def approvals(self: Consulting[NotApproved], a: Ask[T1], b: Ask[T2], /) -> Coroutine[Any, Any, tuple[T1, T2]]: ...
    @overload
    def approvals(
        self: Consulting[NotApproved], a: Ask[T1], b: Ask[T2], c: Ask[T3], /
    ) -> Coroutine[Any, Any, tuple[T1, T2, T3]]: ...
    @overload
    def approvals(self: Consulting[NotApproved], *asks: Ask[T]) -> Coroutine[Any, Any, tuple[T, ...]]: ...
    def approvals(self: Consulting[NotApproved], *asks: Ask[Any]) -> Coroutine[Any, Any, tuple[Any, ...]]:
        """Ask several questions at once: the run parks once, on all of them, and gives the values in that order."""
        taken = [self._take(ask) for ask in asks]
        return self._all([self._granted(*each) for each in taken])

    def _take(self, ask: Ask[T]) -> tuple[Scope, Spot, Ask[T]]:
        scope = self._scope()
        return scope, self._called(scope.take_named(ask.key)), ask

    async def _decided(self, scope: Scope, spot: Spot, ask: Ask[T]) -> Outcome[T]:
        self._arrive(scope, spot)
        question = self._questions.of_ask(spot, ask)
        outcome = self._questions.answer(spot, question)
        if outcome is None:
            raise self._park(scope, spot)
        return self._typed(spot, question, outcome)

    def _typed(self, spot: Spot, question: Question, outcome: Outcome[str]) -> Outcome[Any]:
        try:
            return question.outcome(outcome)
        except ValueError as exc:
            raise self._journal.drift(spot, "a decision", f"a type for which {exc}") from exc

    async def _granted(self, scope: Scope, spot: Spot, ask: Ask[T]) -> T:
        outcome = await self._decided(scope, spot, ask)
        if isinstance(outcome, Approved | Edited):
            return outcome.value
        raise self._not_granted(outcome, spot)

    def _park(self, scope: Scope, spot: Spot) -> Parked:
        pending = self._questions.pending(spot)
        self._journal.parked[spot.key] = pending
        return park(scope, Parked((pending,)))

    # Chains

    def chain(
        self: Consulting[NotApproved],
        name: str,
        *stages: Stage[T],
        proposes: T,
        summary: str | None = None,
        policy: Policy = OPEN,
        schema: object = None,
        metadata: Mapping[str, Any] | None = None,
        redact: tuple[str, ...] = (),
    ) -> Coroutine[Any, Any, T]:
        """Ask one stage after the other, each on what the one before has left, and give what the last has left.

        The approval of a stage has the key `NAME.STAGE`. What the stages do not say themselves (summary, policy) is as
        said here. A rejection or an expiry ends the workflow, as in `approval`, unless the stage's `on_reject` leads
        back. `Orchestrator.progress` tells how far a chain has come. Raises `DefinitionError` where two stages share a
        name, or there is none.
        """
        checked_name("a chain's name", name)
        names = tuple(stage.name for stage in stages)
        if not names or len(set(names)) < len(names):
            msg = f"the chain {name!r} needs stages, each with a name of its own: it has {', '.join(names) or 'none'}"
            raise DefinitionError(msg)
        template = Ask(
            name,
            proposes=proposes,
            summary=summary,
            policy=policy,
            schema=type(proposes) if schema is None and not isinstance(proposes, list | dict | tuple | set) else schema,
            metadata=metadata or {},
            redact=redact,
        )
        self._journal.called.add(name)
        return self._chained(template, stages)

    async def _chained(self, template: Ask[T], stages: Sequence[Stage[T]]) -> T:
        self._journal.called.discard(template.key)
        content, at, asked = template.proposes, 0, list[int]()
        while at < len(stages):
            stage = stages[at]
            if not stage.applies(content):
                at += 1
                continue
            scope, spot, ask = self._take(_question(template, stages, stage, content))
            match await self._decided(scope, spot, ask):
                case Approved(value=value) | Edited(value=value):
                    content = value
                    asked.append(at)
                    at += 1
                case Rejected() if stage.on_reject is OnReject.BACK and asked:
                    at = asked.pop()
                case outcome:
                    raise self._not_granted(outcome, spot)
        return content

    def _not_granted(self, outcome: Outcome[Any], spot: Spot) -> BaseException:
        ended: Result[Any, NotApproved] = value_of(outcome, self.run_id, spot.key)
        return self._ending(ended.failure(), spot.key)


def _question(template: Ask[T], stages: Sequence[Stage[T]], stage: Stage[T], content: T) -> Ask[T]:
    """Give the question that a stage puts."""
    planned = tuple(each.name for each in stages if each.applies(content))
    return Ask(
        f"{template.key}.{stage.name}",
        proposes=content,
        summary=stage.summary or template.summary,
        policy=stage.policy or template.policy,
        schema=template.schema,
        reason=stage.reason,
        metadata=template.metadata,
        redact=template.redact,
        stage=StagePlace(template.key, stage.name, tuple(each.name for each in stages), planned),
    )
