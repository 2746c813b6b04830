"""Definitions: workflows, their invocations, and steps with options. Nothing here runs anything."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    TypeAlias,
    TypedDict,
    TypeVar,
    cast,
    overload,
)

import returns.result
from attrs import Factory, field

from awaitly.codec import ANYTHING, Codec, ResultHint, argument_hints, result_hint
from awaitly.coding.texts import compact
from awaitly.digest import digest
from awaitly.durations import Duration, as_timedelta
from awaitly.errors import Undecodable, Unstorable
from awaitly.exceptions import DefinitionError, UnstorableValue
from awaitly.ids import checked_name
from awaitly.result import Err, Ok, Result
from awaitly.retry import ONCE, Retry
from awaitly.schema import json_schema
from awaitly.storage.journal import RunRecord
from awaitly.values import frozen

if TYPE_CHECKING:
    from awaitly.replaying.context import Run

__all__ = [
    "Durability",
    "Invocation",
    "OutcomeShape",
    "Signature",
    "StepWithOptions",
    "Workflow",
    "checked_invocation",
    "step",
    "workflow",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
E = TypeVar("E")
T_co = TypeVar("T_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)

Durability: TypeAlias = Literal["step", "park"]
"""`step`: a step's result is durable before the next step begins. `park`: when the run parks or ends."""


class Signature:
    """The parameters of a function, as names with types: arguments go to JSON text and come back by them.

    `hint` is the type of all arguments together.
    """

    def __init__(self, f: Callable[..., Any], codec: Codec, *, skip: int = 0) -> None:
        parameters = list(inspect.signature(f).parameters.values())[skip:]
        for parameter in parameters:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                msg = f"{f!r} takes *{parameter.name}: what is kept or shown needs a name for each parameter"
                raise DefinitionError(msg)
        self._signature = inspect.Signature(parameters)
        self._placed = tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)
        self._keyed = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        hints = argument_hints(f)
        self.hints: Mapping[str, object] = {p.name: hints.get(p.name, ANYTHING) for p in parameters}
        self._codec = codec
        hinted: Any = TypedDict  # made of names and types that no checker can know
        self.hint: object = hinted("arguments", dict(self.hints))

    def named(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, object]:
        """Give every argument by its name, defaults included. Raises `TypeError` as the call itself would."""
        if len(args) == len(self.hints) and not kwargs and not self._keyed:
            return dict(zip(self._placed, args, strict=True))
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def encode(self, arguments: Mapping[str, object]) -> str:
        """Write named arguments as the JSON text of an object; raises `UnstorableValue`."""
        members: list[str] = []
        for name, value in arguments.items():
            try:
                text = self._codec.write(value, self.hints[name])
            except UnstorableValue as exc:
                raise UnstorableValue(type(exc.error)(f"$.{name}{exc.error.path[1:]}", exc.error.reason)) from exc
            members.append(f"{json.dumps(name)}:{text}")
        return "{" + ",".join(members) + "}"

    def decode(self, text: str) -> dict[str, Any]:
        """Read what `encode` wrote, or an edit of it; raises `ValueError` that names the offender."""
        members = compact(text)
        found = cast("dict[str, Any]", members) if isinstance(members, dict) else None
        if found is None or found.keys() != self.hints.keys():
            msg = f"the arguments are {_named(self.hints)}, not {'an object' if found is None else _named(found)}"
            raise ValueError(msg)
        return {name: self._revived(name, found[name]) for name in self.hints}

    def _revived(self, name: str, plain: Any) -> Any:
        match self._codec.revive(plain, self.hints[name]):
            case Ok(value):
                return value
            case Err(error):
                raise ValueError(str(_in_argument(name, error)))

    def _read(self, name: str, plain: Any) -> Result[Any, Undecodable]:
        match self._codec.revive(plain, self.hints[name]):
            case Ok(value):
                return Ok(value)
            case Err(error):
                return Err(_in_argument(name, error))

    def completed(self, members: Mapping[str, Any]) -> Result[dict[str, object], Undecodable]:
        """Read arguments that are JSON values, as `encode` writes them; those with defaults may be missing."""
        values: dict[str, object] = {}
        for name in members:
            if name not in self.hints:
                return Err(Undecodable(f"$.{name}", f"there is no such argument; there are {_named(self.hints)}"))
        for name, parameter in self._signature.parameters.items():
            if name not in members:
                if parameter.default is parameter.empty:
                    return Err(Undecodable(f"$.{name}", "it is missing"))
                values[name] = parameter.default
                continue
            match self._read(name, members[name]):
                case Ok(value):
                    values[name] = value
                case Err(error):
                    return Err(error)
        return Ok(values)

    def schema(self) -> dict[str, Any]:
        """Give the JSON Schema of what `completed` takes. Raises `DefinitionError` where a hint has none."""
        optional = {p.name for p in self._signature.parameters.values() if p.default is not p.empty}
        described = json_schema(self.hint, self._codec.types)
        return {**described, "required": [name for name in self.hints if name not in optional]}

    def call(self, f: Callable[..., R], arguments: Mapping[str, object]) -> R:
        """Call `f` with named arguments, all of them, by position where they have one."""
        return f(*[arguments[name] for name in self._placed], **{name: arguments[name] for name in self._keyed})


def _in_argument(name: str, error: Undecodable) -> Undecodable:
    return Undecodable(f"$.{name}{error.path[1:]}", error.reason)


def _named(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


@frozen(eq=False)
class Invocation(Generic[T_co, E_co]):
    """A workflow with its arguments bound: nothing runs until it is started. `arguments` is JSON text."""

    workflow: Workflow[..., T_co, E_co]
    arguments: str

    @property
    def digest(self) -> str:
        """Tells whether two invocations mean the same: the workflow's name and the arguments."""
        return digest(self.workflow.name, self.arguments)

    def recorded(self, run_id: str, now: datetime, **fields: Any) -> RunRecord:
        """Give the record of a run that is made of it now; `fields` say where that run stands."""
        return RunRecord(
            run_id=run_id,
            workflow=self.workflow.name,
            code_version=self.workflow.version,
            arguments=self.arguments,
            digest=self.digest,
            created_at=now,
            updated_at=now,
            **fields,
        )


@frozen
class OutcomeShape:
    """What the calls of a workflow give, where its code does not say it by an annotation.

    `write` gives a value as the call's step keeps it; `wanted` says in words which values it takes.
    """

    wanted: str
    write: Callable[[object], Result[str, Undecodable | Unstorable]]


Readers: TypeAlias = dict[tuple[str, str], Callable[[str], Any]]
_MOST_READERS = 1_000


def _signature_of(workflow: Workflow[..., Any, Any]) -> Signature:
    return Signature(workflow.function, workflow.codec, skip=1)


def _hint_of(workflow: Workflow[..., Any, Any]) -> ResultHint:
    return result_hint(workflow.function)


@frozen(eq=False)
class Workflow(Generic[P, T_co, E_co]):
    """A function over a `Run`, with the name and version that its runs are recorded under.

    Calling it checks and binds the arguments and gives an `Invocation`. Raises `TypeError` where the arguments do not
    fit the function, `UnstorableValue` where one cannot be kept.
    """

    function: Callable[..., Awaitable[Any]]
    name: str
    version: str = "1"
    durability: Durability = "step"
    retry: Retry = ONCE
    codec: Codec = field(factory=Codec, repr=False)
    outcome: OutcomeShape | None = field(default=None, repr=False)
    readers: Readers = field(init=False, repr=False, factory=Readers)
    signature: Signature = field(init=False, repr=False, default=Factory(_signature_of, takes_self=True))
    hint: ResultHint = field(init=False, repr=False, default=Factory(_hint_of, takes_self=True))

    def __attrs_post_init__(self) -> None:
        """Refuse what is no workflow."""
        checked_name("a workflow's name", self.name)
        checked_name("a workflow's version", self.version)
        if not inspect.iscoroutinefunction(self.function):
            msg = f"the workflow {self.name} must be an `async def` whose first parameter is its Run"
            raise DefinitionError(msg)

    def note_reader(self, key: str, schema: str, read: Callable[[str], Any]) -> None:
        """Keep how the answer to a question is read, so that this process can check an edit by its very type."""
        if (key, schema) in self.readers or len(self.readers) < _MOST_READERS:
            self.readers[key, schema] = read

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Invocation[T_co, E_co]:
        """Bind arguments."""
        return Invocation(self, self.signature.encode(self.signature.named(args, kwargs)))

    def bind(self, arguments: Mapping[str, Any]) -> Result[Invocation[T_co, E_co], Undecodable]:
        """Bind arguments that come from outside, as JSON values by name; those with defaults may be left out.

        They are read by the workflow's own types: what does not fit is `Undecodable`, with its path.
        """
        match self.signature.completed(arguments):
            case Err(error):
                return Err(error)
            case Ok(values):
                pass
        try:
            return Ok(Invocation(self, self.signature.encode(values)))
        except UnstorableValue as exc:
            return Err(Undecodable(exc.error.path, exc.error.reason))

    def arguments_schema(self) -> dict[str, Any]:
        """Give the JSON Schema of what `bind` takes. Raises `DefinitionError` where an argument's type has none."""
        return self.signature.schema()


def checked_invocation(verb: str, given: object) -> None:
    """Refuse what is no invocation. Raises `TypeError` that says what to write."""
    if isinstance(given, Invocation):
        return
    msg = f"{verb} takes what calling a workflow gives, as in {verb}(refund('order-1')), not {given!r}"
    if isinstance(given, Workflow):
        workflow = cast("Workflow[..., Any, Any]", given)
        name, wanted = workflow.function.__name__, ", ".join(workflow.signature.hints)
        msg = f"write {verb}({name}({wanted})), not {verb}({name}): calling a workflow binds its arguments"
    raise TypeError(msg)


Definition: TypeAlias = "Callable[Concatenate[Run[E], P], Awaitable[Result[T, E]]]"
OpenDefinition: TypeAlias = "Callable[Concatenate[Run[E], P], Awaitable[returns.result.Result[T, E]]]"


class WorkflowDecorator:
    """What `workflow(...)` with options gives."""

    def __init__(self, name: str | None, options: Mapping[str, Any]) -> None:
        self._name = name
        self._options = options

    @overload
    def __call__(self, f: Callable[Concatenate[Run[E], P], Awaitable[Result[T, E]]], /) -> Workflow[P, T, E]: ...
    @overload
    def __call__(
        self, f: Callable[Concatenate[Run[E], P], Awaitable[returns.result.Result[T, E]]], /
    ) -> Workflow[P, T, E]: ...
    def __call__(self, f: Callable[..., Awaitable[Any]], /) -> Workflow[..., Any, Any]:
        """Define the workflow."""
        return Workflow(f, self._name or f.__name__, **self._options)


@overload
def workflow(f: Callable[Concatenate[Run[E], P], Awaitable[Result[T, E]]], /) -> Workflow[P, T, E]: ...
@overload
def workflow(f: Callable[Concatenate[Run[E], P], Awaitable[returns.result.Result[T, E]]], /) -> Workflow[P, T, E]: ...
@overload
def workflow(
    *,
    name: str | None = None,
    version: str = "1",
    durability: Durability = "step",
    retry: Retry = ONCE,
    codec: Codec | None = None,
) -> WorkflowDecorator: ...
def workflow(
    f: Callable[..., Awaitable[Any]] | None = None,
    /,
    *,
    name: str | None = None,
    version: str = "1",
    durability: Durability = "step",
    retry: Retry = ONCE,
    codec: Codec | None = None,
) -> Any:
    """Define a workflow, as `@workflow` or `@workflow(version="2")`.

    Its runs are recorded under `name` (the function's by default) and `version`; a run that was recorded under
    another version is not resumed by this code. With `retry`, a run that fails waits, without holding a worker, and is
    tried again: what it recorded is kept, but for the step that ended it. `codec` knows more classes than annotations
    say (`Codec(types=[...])`). Raises `DefinitionError` where `f` cannot be one.
    """
    options: dict[str, Any] = {"version": version, "durability": durability, "retry": retry}
    decorator: Any = WorkflowDecorator(name, options if codec is None else {**options, "codec": codec})
    return decorator if f is None else decorator(f)


def name_of(f: Callable[..., Any]) -> str:
    """Give the name of a function; a `functools.partial` goes by its function's, an object by its class's."""
    while isinstance(f, functools.partial):
        f = f.func
    name: str = getattr(f, "__name__", type(f).__name__)
    return name


@frozen(eq=False)
class StepWithOptions(Generic[P, R]):
    """A step's function with options; called outside a run it is just the function."""

    function: Callable[P, R]
    key: str | None = None
    retry: Retry = ONCE
    timeout: timedelta | None = None
    at_most_once: bool | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function."""
        return self.function(*args, **kwargs)


def step(
    f: Callable[P, R],
    *,
    key: str | None = None,
    retry: Retry = ONCE,
    timeout: Duration | None = None,
    at_most_once: bool | None = None,
) -> Callable[P, R]:
    """Give a step's function a key of its own, retries, or a limit of time for each attempt.

    An attempt that runs out of time counts as raising `TimeoutError`; a plain function's thread cannot be stopped and
    its late result is dropped. A step whose process dies in its midst runs again, unless `at_most_once`: then the run
    is set aside, and a person says by `settle` what came of the call. A gated step is called at most once, unless this
    is False or there are retries. Raises `DefinitionError` for retries of what is to be called at most once,
    `ValueError` where the timeout is no length of time.
    """
    if key is not None:
        checked_name("a step's key", key)
    if at_most_once and retry is not ONCE:
        msg = f"{name_of(f)} cannot be retried and run at most once: choose one"
        raise DefinitionError(msg)
    return StepWithOptions(f, key, retry, None if timeout is None else as_timedelta(timeout), at_most_once)
