"""Tools as Python functions behind a gate: their arguments and results as JSON, and back by their annotations."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast

from awaitly.approvals.policy import Policy
from awaitly.codec import ANYTHING, Codec, result_hint
from awaitly.coding.texts import compact
from awaitly.errors import Undecodable, UnexpectedError, Unstorable
from awaitly.exceptions import UnstorableValue
from awaitly.gating.refusals import GateInterruption, InvalidCall
from awaitly.gating.ruling import Guard
from awaitly.ids import checked_name
from awaitly.replaying.calling import is_result
from awaitly.replaying.workflow import OutcomeShape, Signature, name_of
from awaitly.result import Err, Ok, Result

__all__ = ["Front", "GatedTool"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")

_KEPT = Codec()


class Front(Protocol):
    """What a tool asks of its gate."""

    @property
    def leaves_to_tools(self) -> bool:
        """Whether nobody but the tool itself says which calls need a person."""
        ...

    async def call(self, tool: GatedTool[..., Any, Any], arguments: dict[str, Any], /) -> Result[Any, Any]:
        """Have a call with JSON arguments made, or people asked."""
        ...


class GatedTool(Generic[P, T, E]):
    """A function behind a gate, made by `@gate.tool`: awaiting a call of it gives what the call, or the gate, says."""

    def __init__(
        self,
        gate: Front,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        when: Callable[..., object] | None = None,
        describe: Callable[..., object] | None = None,
        redact: Iterable[str] = (),
        policy: Policy | None = None,
        codec: Codec | None = None,
    ) -> None:
        self.function = function
        self.name = checked_name("a tool's name", name or name_of(function))
        self.codec = codec or Codec()
        self.signature = Signature(function, self.codec)
        self.hint = result_hint(function)
        self.schema = self.signature.schema()
        self.guard = Guard(
            when=None if when is None else self._over_json(when),
            describe=None if describe is None else self._over_json(describe),
            redact=tuple(redact),
            policy=policy,
        )
        self._gate = gate
        self._when = when
        self.__name__ = self.name
        self.__doc__ = function.__doc__

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Result[T, E | GateInterruption]:
        """Make the call where it needs nobody; else ask, and give the `PendingApproval` with the ticket's id."""
        arguments = self.signature.named(args, kwargs)
        if self._gate.leaves_to_tools and self._passes(arguments):
            return await self._called(arguments)
        try:
            plain = compact(self.signature.encode(arguments))
        except UnstorableValue as exc:
            return Err(InvalidCall(self.name, exc.error.path, exc.error.reason))
        return cast("Result[T, E | GateInterruption]", await self._gate.call(self, plain))

    def _passes(self, arguments: Mapping[str, object]) -> bool:
        try:
            return self._when is not None and self.signature.call(self._when, arguments) is False
        except Exception:  # noqa: BLE001  (whatever it is, it must not open the gate)
            return False

    async def _called(self, arguments: Mapping[str, object]) -> Result[T, E | UnexpectedError]:
        """Call the function; an exception becomes `UnexpectedError`."""
        try:
            return cast("Result[T, E]", await self._result(arguments))
        except Exception as exc:  # noqa: BLE001  (the caller gets it as a value)
            return Err(UnexpectedError(type(exc).__name__, str(exc), self.name))

    async def _result(self, arguments: Mapping[str, object]) -> Result[Any, Any]:
        """Call the function, a plain one in a thread. Raises what it raises."""
        if inspect.iscoroutinefunction(self.function):
            result: Any = self.signature.call(self.function, arguments)
        else:
            result = await asyncio.to_thread(self.signature.call, self.function, arguments)
        if inspect.isawaitable(result):
            result = await result
        return result if is_result(result) else Ok(result)

    async def passed(self, arguments: Mapping[str, Any]) -> Result[T, E | GateInterruption]:
        """Make a call, with JSON arguments, that needs nobody."""
        match self.signature.completed(arguments):
            case Err(misfit):
                return Err(InvalidCall(self.name, misfit.path, misfit.reason))
            case Ok(values):
                return await self._called(values)

    def completed(self, arguments: Mapping[str, Any]) -> Result[dict[str, Any], InvalidCall]:
        """Give JSON arguments with the defaults of those that are left out, as rules and people are to see them."""
        match self.signature.completed(arguments):
            case Err(misfit):
                return Err(InvalidCall(self.name, misfit.path, misfit.reason))
            case Ok(values):
                pass
        try:
            return Ok(compact(self.signature.encode(values)))
        except UnstorableValue as exc:
            return Err(InvalidCall(self.name, exc.error.path, exc.error.reason))

    async def make(self, arguments: Mapping[str, Any]) -> tuple[Any, bool]:
        """Make a call with JSON arguments; gives its value or its error as JSON. Raises what the function raises."""
        values = self.signature.completed(arguments).unwrap()
        match await self._result(values):
            case Err(error):
                return compact(self._written(error, self.hint.error)), True
            case Ok(value):
                return compact(self._written(value, self.hint.value)), False

    def _written(self, value: object, hint: object) -> str:
        match self.codec.encode(value, hint):
            case Ok(text):
                return text
            case Err(unstorable):
                raise UnstorableValue(unstorable)

    @property
    def outcome(self) -> OutcomeShape:
        """How a value that a person says a call gave is kept: as `make` writes it."""
        hint = self.hint.value
        return OutcomeShape(hint.__qualname__ if isinstance(hint, type) else str(hint), self._said)

    def _said(self, value: Any) -> Result[str, Undecodable | Unstorable]:
        """Write a value of the function's own type, or one as JSON has it."""
        match self.codec.plain(value, self.hint.value):
            case Ok(plain):
                return _KEPT.encode(plain, ANYTHING)
            case Err(_):
                pass
        match self.codec.revive(value, self.hint.value):
            case Ok(_):
                return _KEPT.encode(value, ANYTHING)
            case Err(misfit):
                return Err(misfit)

    def read(self, value: Any, *, failed: bool) -> Result[T, E | UnexpectedError]:
        """Read what a call gave, as `make` wrote it, by the function's annotations."""
        hint = self.hint.error if failed else self.hint.value
        match self.codec.revive(value, hint):
            case Ok(read):
                return Err(read) if failed else Ok(read)
            case Err(misfit):
                why = f"what it gave does not decode any more, at {misfit.path}: {misfit.reason}"
                return Err(UnexpectedError("Undecodable", why, self.name))

    def _over_json(self, f: Callable[..., object]) -> Callable[[Mapping[str, Any]], object]:
        """Let a function of the tool's own arguments be called with JSON, and raise where that does not fit."""
        return lambda plain: self.signature.call(f, self.signature.completed(plain).unwrap())
