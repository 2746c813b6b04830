"""The tools behind a gate: functions that are put there, and what is said of the calls of others."""

from __future__ import annotations

import contextvars
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, overload

import returns.result

from awaitly.actors import By
from awaitly.approvals.policy import Policy
from awaitly.codec import Codec
from awaitly.exceptions import DefinitionError
from awaitly.gating.ruling import Guard, Ruler, Ruling, rule
from awaitly.gating.tools import GatedTool
from awaitly.ids import checked_name
from awaitly.result import Result

__all__ = ["Registry"]

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E")

_ACTING: contextvars.ContextVar[By | None] = contextvars.ContextVar("acting", default=None)


class Registry(ABC):
    """Knows tools, and judges calls."""

    def __init__(self, rules: Iterable[Ruler]) -> None:
        self._rulers = tuple(rules)
        self._tools: dict[str, GatedTool[..., Any, Any]] = {}
        self._guards: dict[str, Guard] = {}
        self._closed = False

    @abstractmethod
    async def call(self, tool: GatedTool[..., Any, Any], arguments: dict[str, Any], /) -> Result[Any, Any]:
        """Have a call with JSON arguments made, or people asked."""

    def close(self) -> None:
        """Take no more tools in."""
        self._closed = True

    @overload
    def tool(self, f: Callable[P, Awaitable[Result[T, E]]], /) -> GatedTool[P, T, E]: ...
    @overload
    def tool(self, f: Callable[P, Awaitable[returns.result.Result[T, E]]], /) -> GatedTool[P, T, E]: ...
    @overload
    def tool(self, f: Callable[P, Result[T, E]], /) -> GatedTool[P, T, E]: ...
    @overload
    def tool(
        self,
        /,
        *,
        name: str | None = None,
        when: Callable[..., bool] | None = None,
        describe: Callable[..., str] | None = None,
        redact: Iterable[str] = (),
        policy: Policy | None = None,
        codec: Codec | None = None,
    ) -> ToolDecorator: ...
    def tool(self, f: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Put a function behind the gate, as `@gate.tool` or `@gate.tool(when=...)`.

        `when(*arguments)` says which calls need a person: all by default, and where it raises or gives anything but
        False. `describe(*arguments)` makes the summary. `redact` names parameters, or members inside them, that nobody
        is shown. Raises `DefinitionError` for a second tool of one name, and once the gate is open.
        """
        decorator = ToolDecorator(self, options)
        return decorator if f is None else decorator(f)

    def add(self, tool: GatedTool[..., Any, Any]) -> None:
        """Take a tool in. Raises `DefinitionError` for a second one of its name, and once the gate is open."""
        if self._closed:
            msg = f"define {tool.name} before the gate is opened: tickets go on with the tools that are known then"
            raise DefinitionError(msg)
        if tool.name in self._tools:
            msg = f"two tools are called {tool.name!r}: name one of them anew, with name="
            raise DefinitionError(msg)
        self._tools[tool.name] = tool
        self._guards[tool.name] = tool.guard

    def guard(self, tool: str, guard: Guard) -> None:
        """Say how calls of a tool are judged whose function is somebody else's, an agent framework's or a server's."""
        self._guards[checked_name("a tool's name", tool)] = guard

    @property
    def leaves_to_tools(self) -> bool:
        """Whether nobody but the tools themselves says which calls need a person."""
        return not self._rulers

    @contextmanager
    def acting(self, agent: By) -> Generator[None]:
        """Say within a `with` block on whose account calls are made: `Actor("bot", on_behalf_of="ann")`."""
        token = _ACTING.set(agent)
        try:
            yield
        finally:
            _ACTING.reset(token)

    @property
    def agent(self) -> By | None:
        """On whose account calls are made here and now, where a call does not say."""
        return _ACTING.get()

    def ruling(self, tool: str, arguments: Mapping[str, Any]) -> Ruling:
        """Say how a call would be judged, without asking anybody."""
        return rule(self._rulers, self._guards.get(tool), tool, arguments)


class ToolDecorator:
    """What `gate.tool(...)` with options gives."""

    def __init__(self, gate: Registry, options: Mapping[str, Any]) -> None:
        self._gate = gate
        self._options = options

    @overload
    def __call__(self, f: Callable[P, Awaitable[Result[T, E]]], /) -> GatedTool[P, T, E]: ...
    @overload
    def __call__(self, f: Callable[P, Awaitable[returns.result.Result[T, E]]], /) -> GatedTool[P, T, E]: ...
    @overload
    def __call__(self, f: Callable[P, Result[T, E]], /) -> GatedTool[P, T, E]: ...
    def __call__(self, f: Callable[..., Any], /) -> GatedTool[..., Any, Any]:
        """Put the function behind the gate."""
        tool: GatedTool[..., Any, Any] = GatedTool(self._gate, f, **self._options)
        self._gate.add(tool)
        return tool
