from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from awaitly import (
    Approved,
    Err,
    NotApproved,
    Ok,
    Orchestrator,
    Pending,
    Rejected,
    Result,
    Retry,
    Run,
    Store,
    UnexpectedError,
    approval_step,
    step,
    workflow,
)
from awaitly.changing import changed
from awaitly.replaying.host import StandIn
from tests.support import Refused, SharedStore, error_of


async def load(name: str) -> Result[int, Refused]:
    """Must not be called where somebody stands in."""
    raise NotImplementedError(name)


def look_up(name: str) -> Pending | Approved[int] | Rejected:
    """Must not be called either."""
    raise NotImplementedError(name)


@workflow
async def loading(run: Run[Refused], name: str) -> Result[int, Refused]:
    """Load, twice at most."""
    return Ok(await run.step(step(load, key="the load", retry=Retry(attempts=2, base="1ms", on=Refused)), name))


@workflow
async def looking(run: Run[NotApproved], name: str) -> Result[int, NotApproved]:
    """Ask a system of record."""
    return Ok(await run.step(approval_step("manager", check=look_up, schema=int), name))


class Staged(Orchestrator):
    """Has others stand in for steps."""

    def __init__(self, store: Store, stand_in: StandIn) -> None:
        super().__init__(store, workflows=[loading, looking])
        self._executor.host = changed(self._executor.host, stand_in=stand_in)


def instead_of(f: Callable[..., Any], stand_in: Callable[..., Any]) -> StandIn:
    """Let one function stand in for another."""
    return lambda called: stand_in if called is f else None


@pytest.mark.parametrize("is_async", [True, False])
async def test_another_function_is_called_in_place_of_a_steps(store: SharedStore, is_async: bool) -> None:
    """With the same arguments, be it async or plain; what it gives is recorded under the step's own key."""

    async def later(name: str) -> Result[int, Refused]:
        return Ok(len(name))

    def plain(name: str) -> Awaitable[Result[int, Refused]]:
        return later(name)

    async with Staged(store, instead_of(load, later if is_async else plain)) as orchestrator:
        assert (await orchestrator.start(loading("four"), run_id="r")).result == Ok(4)
        (recorded,) = (await orchestrator.history("r")).unwrap().steps
    assert recorded.key == "the load"


async def test_the_retries_of_the_step_stay(store: SharedStore) -> None:
    """Whoever stands in is tried as often as the function would be."""
    calls: list[str] = []

    async def refuse(name: str) -> Result[int, Refused]:
        calls.append(name)
        return Err(Refused("no"))

    async with Staged(store, instead_of(load, refuse)) as orchestrator:
        assert error_of((await orchestrator.start(loading("x"))).result) == Refused("no")
    assert calls == ["x", "x"]


async def test_the_types_of_the_step_stay(store: SharedStore) -> None:
    """What the step's annotations cannot keep is an error, as it would be for the step itself."""

    async def wrong(_: str) -> Result[Any, Refused]:
        return Ok(object())

    async with Staged(store, instead_of(load, wrong)) as orchestrator:
        error = error_of((await orchestrator.start(loading("x"))).result)
    assert isinstance(error, UnexpectedError)
    assert error.kind == "Unstorable"


async def test_another_check_is_asked_in_place_of_an_approval_steps(store: SharedStore) -> None:
    """With the same arguments."""

    def found(name: str) -> Approved[int]:
        return Approved(len(name))

    async with Staged(store, instead_of(look_up, found)) as orchestrator:
        assert (await orchestrator.start(looking("four"))).result == Ok(4)


async def test_where_nobody_stands_in_the_function_itself_is_called(store: SharedStore) -> None:
    """`None` says so."""
    async with Staged(store, lambda _: None) as orchestrator:
        error = error_of((await orchestrator.start(loading("x"))).result)
    assert isinstance(error, UnexpectedError)
    assert error.kind == "NotImplementedError"
