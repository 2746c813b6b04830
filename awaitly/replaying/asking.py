"""Definitions of questions: `Ask`, `gated_step` and `approval_step`. Nothing here runs anything."""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum, unique
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, cast, overload

import returns.result
from attrs import Factory, field

from awaitly.approvals.approval import StagePlace
from awaitly.approvals.outcomes import Approved, Pending, Rejected
from awaitly.approvals.policy import DEFAULT, Policy
from awaitly.approvals.redaction import redacted, scrubbed
from awaitly.changing import quick
from awaitly.codec import ANYTHING, Codec
from awaitly.errors import NotApproved
from awaitly.exceptions import DefinitionError
from awaitly.ids import checked_name
from awaitly.replaying.workflow import Signature, StepWithOptions, name_of
from awaitly.result import Result
from awaitly.values import frozen

__all__ = ["ApprovalStep", "Ask", "Check", "GatedStep", "OnReject", "Stage", "approval_step", "gated_step"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")

OPEN = DEFAULT
"""The policy of a question that names none: anyone may decide, save the person who requested."""

Check: TypeAlias = Pending | Approved[T] | Rejected
"""What the check of an `approval_step` answers."""


def _names(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        msg = f"redact is a list of field names, not one text: [{values!r}]"
        raise DefinitionError(msg)
    return tuple(values)


def _keyed(_: object, __: object, value: str) -> None:
    checked_name("an approval's key", value)


@quick
@frozen
class Ask(Generic[T]):
    """One question of `run.approvals`: the same as the arguments of `run.approval`."""

    key: str = field(validator=_keyed)
    proposes: T = field(kw_only=True)
    summary: str | None = field(default=None, kw_only=True)
    policy: Policy = field(default=OPEN, kw_only=True)
    schema: object = field(default=None, kw_only=True)
    reason: str | None = field(default=None, kw_only=True)
    metadata: Mapping[str, Any] = field(default=Factory(dict[str, Any]), kw_only=True)
    redact: tuple[str, ...] = field(default=(), converter=_names, kw_only=True)
    stage: StagePlace | None = field(default=None, kw_only=True, repr=False)


@unique
class OnReject(Enum):
    """What the rejection of a stage means for its chain."""

    END = "end"
    """The chain ends with `ApprovalRejected`."""
    BACK = "back"
    """The stage that was asked before is asked again, with the content as it stands; the first has none before it."""


def _on_reject(value: OnReject | str) -> OnReject:
    try:
        return OnReject(value)
    except ValueError as exc:
        msg = f"on_reject is one of {', '.join(repr(each.value) for each in OnReject)}, not {value!r}"
        raise DefinitionError(msg) from exc


def _answering(_: object, __: object, value: object) -> None:
    if type(value) is not bool and (not callable(value) or inspect.iscoroutinefunction(value)):
        msg = f"when is True, False, or a plain function of the content that gives one of them, not {value!r}"
        raise DefinitionError(msg)


@frozen
class Stage(Generic[T]):
    """One stage of `run.chain`.

    `when` says whether it is asked at all: True or False, or a predicate of the content as it stands when its turn
    comes (one that raises, or gives anything but False, counts as yes). What it leaves out is as the chain says.
    `on_reject`: whether a rejection ends the chain, or goes back to the stage before.
    """

    name: str = field(validator=_keyed)
    when: bool | Callable[[T], bool] = field(default=True, kw_only=True, validator=_answering)
    policy: Policy | None = field(default=None, kw_only=True)
    summary: str | None = field(default=None, kw_only=True)
    reason: str | None = field(default=None, kw_only=True)
    on_reject: OnReject = field(default=OnReject.END, converter=_on_reject, kw_only=True)

    def applies(self, content: T) -> bool:
        """Whether the stage is asked. It must say the same of the same content: it is asked again on a replay."""
        if not callable(self.when):
            return self.when
        try:
            return self.when(content) is not False
        except Exception:  # noqa: BLE001  (whatever it is, it must not let a stage be left out)
            return True


_WITHOUT_MEMBERS: tuple[object, ...] = (str, int, float, bool, bytes)


class GatedStep(Generic[P, T, E]):
    """A step that shows its arguments to a person first. Made by `gated_step`, run by `run.step`."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        key: str | None,
        when: Callable[..., bool] | None,
        describe: Callable[..., str] | None,
        redact: tuple[str, ...],
        policy: Policy,
        codec: Codec,
    ) -> None:
        self.function = function
        bare: Callable[..., Any] = function.function if isinstance(function, StepWithOptions) else function
        self.name = name_of(bare)
        self.key = checked_name("a gate's key", key or self.name)
        self.when = when
        self.describe = describe
        self.redact = redact
        self.policy = policy
        self.signature = Signature(bare, codec)
        self._refuse_unknown_names()

    def _refuse_unknown_names(self) -> None:
        """Refuse to redact what appears nowhere: a misspelt name would show the secret."""
        hints = self.signature.hints
        unknown = ", ".join(sorted(set(self.redact) - set(hints)))
        if unknown and all(hint in _WITHOUT_MEMBERS for hint in hints.values()):
            msg = f"{self.name} has no parameter {unknown} to redact"
            raise DefinitionError(msg)

    def __call__(self, *_: P.args, **__: P.kwargs) -> Awaitable[Result[T, E | NotApproved]]:
        """Refuse to run around the gate."""
        msg = f"{self.name} is gated: call it as `await run.step({self.name}, ...)` in a workflow"
        raise DefinitionError(msg)

    def asks(self, arguments: Mapping[str, object]) -> bool:
        """Whether these arguments need a person: also where the predicate raises, or gives anything but False."""
        if self.when is None:
            return True
        try:
            return self.signature.call(self.when, arguments) is not False
        except Exception:  # noqa: BLE001  (whatever it is, it must not open the gate)
            return True

    def summary(self, arguments: Mapping[str, object], content: str) -> str:
        """Describe the call for a person, without what is redacted; if the description fails, the arguments speak."""
        if self.describe is not None:
            try:
                return scrubbed(str(self.signature.call(self.describe, arguments)), content, self.redact)
            except Exception:  # noqa: BLE001, S110  (a broken description must not stop the question)
                pass
        return f"{self.name} {json.dumps(redacted(content, self.redact), ensure_ascii=False)}"


@overload
def gated_step(
    f: Callable[P, Awaitable[Result[T, E]]],
    *,
    key: str | None = None,
    when: Callable[P, bool] | None = None,
    describe: Callable[P, str] | None = None,
    redact: Iterable[str] = (),
    policy: Policy = OPEN,
    codec: Codec | None = None,
) -> GatedStep[P, T, E]: ...
@overload
def gated_step(
    f: Callable[P, Awaitable[returns.result.Result[T, E]]],
    *,
    key: str | None = None,
    when: Callable[P, bool] | None = None,
    describe: Callable[P, str] | None = None,
    redact: Iterable[str] = (),
    policy: Policy = OPEN,
    codec: Codec | None = None,
) -> GatedStep[P, T, E]: ...
@overload
def gated_step(
    f: Callable[P, Result[T, E]],
    *,
    key: str | None = None,
    when: Callable[P, bool] | None = None,
    describe: Callable[P, str] | None = None,
    redact: Iterable[str] = (),
    policy: Policy = OPEN,
    codec: Codec | None = None,
) -> GatedStep[P, T, E]: ...
def gated_step(
    f: Callable[..., Any],
    *,
    key: str | None = None,
    when: Callable[..., bool] | None = None,
    describe: Callable[..., str] | None = None,
    redact: Iterable[str] = (),
    policy: Policy = OPEN,
    codec: Codec | None = None,
) -> GatedStep[..., Any, Any]:
    """Put a person before a step: its arguments are shown first, and it runs with exactly what was approved or edited.

    `when(*arguments)` says which calls need a person (all, by default); the others run at once. `describe(*arguments)`
    makes the summary. `redact` names parameters, or members inside them, that nobody is shown. The step's errors grow
    by `NotApproved`. Raises `DefinitionError` where a parameter has no name.
    """
    options = {"key": key, "when": when, "describe": describe, "redact": _names(redact), "policy": policy}
    return GatedStep(f, **options, codec=codec or Codec())  # type: ignore[arg-type]


class ApprovalStep(Generic[P, T]):
    """A question that the user's own system of record answers. Made by `approval_step`, run by `run.step`."""

    def __init__(self, key: str, check: Callable[..., Any], summary: str | None, schema: object, codec: Codec) -> None:
        self.key = checked_name("an approval's key", key)
        self.check = check
        self.summary = summary
        self.schema = ANYTHING if schema is None else schema
        self.signature = Signature(check, codec)

    def __call__(self, *_: P.args, **__: P.kwargs) -> Awaitable[Result[T, NotApproved]]:
        """Refuse to run outside a run, where nothing could wait."""
        msg = f"the approval step {self.key!r} waits: call it as `await run.step(...)` in a workflow"
        raise DefinitionError(msg)

    async def ask(self, arguments: Mapping[str, object], stand_in: Callable[..., Any] | None = None) -> Check[T]:
        """Ask the system of record. Raises what the check raises, and `TypeError` where its answer is no answer."""
        answer: Any = self.signature.call(stand_in or self.check, arguments)
        if inspect.isawaitable(answer):
            answer = await answer
        if not isinstance(answer, Pending | Approved | Rejected):
            msg = f"the check of {self.key!r} answered {answer!r}, not Pending(), Approved(value) or Rejected(reason)"
            raise TypeError(msg)
        return cast("Check[T]", answer)


def approval_step(
    key: str,
    *,
    check: Callable[P, Check[T]] | Callable[P, Awaitable[Check[T]]],
    summary: str | None = None,
    schema: type[T] | None = None,
    codec: Codec | None = None,
) -> ApprovalStep[P, T]:
    """Wait for a decision that is made in a system of the user's own.

    `check(*arguments)` answers `Pending()`, `Approved(value)` or `Rejected(reason)`; it is asked anew at
    every resume, and a pending answer is never kept. `schema` is the value's type (plain JSON values by default).
    """
    return ApprovalStep(key, check, summary, schema, codec or Codec())
