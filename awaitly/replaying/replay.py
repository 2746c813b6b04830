"""What a run already did, as its code goes over it again: places, keys, and the check before anything is reused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, count
from typing import Any, Protocol

from attrs import field, mutable

from awaitly.approvals.approval import Approval
from awaitly.errors import PendingApproval, WorkflowChanged
from awaitly.exceptions import DefinitionError
from awaitly.replaying.signals import Drifted, Ended, FencedOut, Parked, Signal
from awaitly.statuses import ApprovalStatus, WaitKind
from awaitly.storage.journal import Arrived, Message, RunRecord, Step, Wait
from awaitly.values import frozen

__all__ = ["PATCHED", "Entered", "Journal", "Recorder", "Scope", "Spot", "Tally"]


_NUMBER = re.compile(r"\d+")
_BRANCH = re.compile(r"(?:^|(?<=/))(?P<call>\d+)\.\d+/$")
"""The end of a branch's path: the call that opened it, and the branch's number."""
_BRANCHED = re.compile(r"(?:^|(?<=/))\d+(?=\.\d+/)")
"""In a place, the call of which this is a branch."""
PATCHED = "patched"
"""The digest of what marks that a run does what a change of the code has brought."""


@frozen
class Spot:
    """Where the code stands at a call: the call's key, and its place. Both are the same on every replay."""

    key: str
    place: str


class Scope:
    """One line of control in a workflow: the workflow itself, or a branch that runs beside others.

    Calls are numbered per scope, so that branches which overtake each other do not renumber one another.
    """

    __slots__ = (
        "_branches",
        "_calls",
        "_counts",
        "_taken",
        "inner",
        "met",
        "owner",
        "parked",
        "patches",
        "path",
        "task",
    )

    def __init__(self, path: str, task: asyncio.Task[object] | None, taken: dict[str, str]) -> None:
        self.path = path
        self.task = task
        self.parked: Parked | None = None
        self.met = False
        self.owner: asyncio.Task[object] | None = None
        self.patches: dict[str, bool] = {}
        self.inner: list[Scope] = []
        self._calls = 0
        self._branches = 0
        self._counts: dict[str, int] = {}
        self._taken = taken

    def take(self, name: str) -> Spot:
        """Number a call: the key is the function's name, then `name#2`, `name#3`, after the branch's path if any."""
        while True:
            number = self._counts.get(name, 0) + 1
            self._counts[name] = number
            key = f"{self.path}{name}" if number == 1 else f"{self.path}{name}#{number}"
            if key not in self._taken:
                return self._spot(key)

    def take_named(self, name: str) -> Spot:
        """Number a call whose key the user chose. Raises `DefinitionError` where two branches use the same."""
        if not self.path:
            return self.take(name)
        if not self._taken.get(name, self.path).startswith(self.path):
            msg = f"the key {name!r} is used twice, in branches that run side by side: give each its own"
            raise DefinitionError(msg)
        keys = chain([name], (f"{name}#{number}" for number in count(2)))
        return self._spot(next(key for key in keys if key not in self._taken))

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the calls of a branch are: below its own path, and below those of branches that it only awaited."""
        return (self.path, *(path for scope in self.inner for path in scope.paths))

    def settle(self, kept: Iterable[str]) -> list[str]:
        """Free the keys of this branch, which lost, save those `kept` in the store; gives all that it had.

        On a replay it is not gone into again, and the calls that come after it have the same keys then as now.
        """
        keys = [key for key, place in self._taken.items() if place.startswith(self.paths)]
        for key in keys:
            del self._taken[key]
        self._taken.update(dict.fromkeys(kept, self.path))
        return keys

    def _spot(self, key: str) -> Spot:
        spot = Spot(key, self._place())
        self._taken[key] = spot.place
        return spot

    def park(self, parked: Parked) -> Parked:
        """Note that a question of this line waits; `met`: the code of its `owner` hears so, and not only a branch."""
        self.parked = parked
        self.met = self.met or self.owner is asyncio.current_task()
        return parked

    @property
    def calls(self) -> int:
        """How many calls it has numbered so far."""
        return self._calls

    def next_place(self) -> str:
        """Where the next call will be."""
        return f"{self.path}{self._calls}"

    def _place(self) -> str:
        place = self.next_place()
        self._calls += 1
        return place

    def branch(self, number: int | None = None) -> Scope:
        """Open the scope of a branch: of a given number at the last call's place, or the next that is found running."""
        if number is None:
            self._branches += 1
            return Scope(f"{self.path}t{self._branches}/", None, self._taken)
        return Scope(f"{self.path}{self._calls - 1}.{number}/", None, self._taken)


class Tally:
    """Counts what is under way: `with tally:` around each."""

    __slots__ = ("_count", "_idle")

    def __init__(self) -> None:
        self._count = 0
        self._idle: asyncio.Future[None] | None = None

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if self._count == 0 and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def done(self) -> None:
        """Wait until none is under way."""
        while self._count:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle


@frozen
class Entered:
    """What is to be written beside steps: what the run waits for, and the keys of questions that came too late."""

    awaiting: tuple[Wait, ...]
    withdrawn: frozenset[str] = frozenset()


class Recorder(Protocol):
    """Makes steps durable; the first call also takes the run. Raises `FencedOut` where somebody else has it."""

    async def record(self, steps: Sequence[Step], entered: Entered | None = None) -> None:
        """Write steps, and what is to stand beside them; on return all of it survives a crash."""
        ...

    async def launch(self, child: RunRecord) -> RunRecord | None:
        """Have another run begin, or one that failed be tried again; gives the one of its id, None if unreadable."""
        ...


def _dict() -> dict[str, Any]:  # to call `dict[str, Step]` takes four times as long, and every execution has a journal
    return {}


def _set() -> set[str]:
    return set()


def _list() -> list[Any]:
    return []


@mutable(eq=False)
class Journal:
    """The steps of one execution: those found, and those made since.

    With `by_step`, a step's result is durable before the next step's body begins: it rides in the next commit. Where
    the workflow does not go straight on to another step, it is written at once. Without, results wait until the run
    parks or ends.
    """

    run_id: str
    found: tuple[Step, ...]
    approvals: tuple[Approval, ...]
    recorder: Recorder | None
    by_step: bool = True
    awaiting: dict[str, Wait] = field(factory=_dict)
    messages: tuple[Message, ...] = ()
    begun: bool = field(init=False)
    visited: set[str] = field(factory=_set)
    asked: dict[str, Approval] = field(factory=_dict)
    called: set[str] = field(factory=_set)
    bodies: Tally = field(factory=Tally)
    unsaved: list[Step] = field(factory=_list)
    made: list[Step] = field(factory=_list)
    parked: dict[str, PendingApproval | Wait] = field(factory=_dict)
    withdrawn: set[str] = field(factory=_set)
    closed: Signal | None = None
    failure: BaseException | None = None
    _by_key: dict[str, Step] = field(init=False)
    _by_place: dict[str, str] = field(init=False)
    _branched: dict[str, str] = field(factory=_dict, init=False)
    _writing: asyncio.Task[None] | None = None
    _noted: bool = False
    _heard: set[str] = field(factory=_set)
    _timer: asyncio.Handle | None = None
    _waiters: list[asyncio.Future[None]] = field(factory=_list)

    def __attrs_post_init__(self) -> None:
        """Index what was found."""
        self.begun = self.recorder is None
        self._by_key = {step.key: step for step in self.found}
        self._by_place = {step.place: step.key for step in self.found}
        for approval in self.approvals:
            self._by_place.setdefault(approval.place, approval.key)
        for wait in self.awaiting.values():
            self._by_place.setdefault(wait.place, wait.key)
        for place in self._by_place:
            self._note_branches(place)
        self._heard.update(s.recorded.message for s in self.found if isinstance(s.recorded, Arrived))

    def _note_branches(self, place: str) -> None:
        if "/" in place:
            for call in _BRANCHED.finditer(place):
                self._branched.setdefault(place[: call.end()], self._by_place[place])

    def find(self, spot: Spot, digest: str, *, branches: bool = False) -> Step | None:
        """Give what is recorded for a call, None where it is new. Raises `Drifted` where the code no longer fits.

        `branches`: the call is one that has branches, so what was recorded in them may stand below its place.
        """
        there = self._by_place.get(spot.place)
        step = self._by_key.get(spot.key)
        below = None if branches else self._branched.get(spot.place)
        if below is not None:
            raise self._drift(below, f"{below!r}", f"{spot.key!r} in its place")
        if there is not None and there != spot.key:
            raise self._drift(spot.key, f"{there!r}", f"{spot.key!r} in its place")
        if step is None:
            return None
        self.expect_in_place(spot, step.place)
        if step.digest != digest:
            raise self._drift(spot.key, "other arguments", "different ones")
        self.visited.add(step.key)
        return step

    def approval(self, spot: Spot) -> Approval | None:
        """Give the approval that stands for a question, None where it was not asked yet."""
        for found in self.approvals:
            if found.key == spot.key:
                self.visited.add(found.key)
                return found
        return None

    def hear(self, kind: WaitKind, name: str, fits: Callable[[Message], bool]) -> Message | None:
        """Take the first message under a name that no call has taken yet, and that fits; None where there is none."""
        for message in self.messages:
            if (message.kind, message.name) != (kind, name) or message.void or message.key in self._heard:
                continue
            if fits(message):
                self._heard.add(message.key)
                return message
        return None

    def check_complete(self) -> None:
        """Raise `Drifted` where the code ended without coming past everything that is recorded."""
        for key in self.unvisited():
            raise self._drift(key, f"{key!r}", "nothing there")

    def unvisited(self) -> tuple[str, ...]:
        """Name what is recorded and the code has not come past; the mark of a patch that nobody asks for is nothing."""
        steps = (step.key for step in self.found if step.digest != PATCHED)
        waiting = (a.key for a in self.approvals if a.pending or a.ready)
        return tuple(key for key in (*steps, *waiting, *self.awaiting) if key not in self.visited)

    def check_awaited(self) -> None:
        """Raise `DefinitionError` where the code called something of its run and never awaited it."""
        if self.called:
            names = ", ".join(sorted(map(repr, self.called)))
            msg = f"the workflow called {names} and never awaited it: write `await run...`"
            raise DefinitionError(msg)

    def _drift(self, key: str, recorded: str, found: str) -> Drifted:
        drifted = Drifted(WorkflowChanged(self.run_id, key, recorded, found))
        self.close(drifted)
        return drifted

    def named(self, key: str) -> Step | None:
        """Give what is recorded under a key, wherever the code stands."""
        step = self._by_key.get(key) or next((made for made in self.made if made.key == key), None)
        if step is not None:
            self.visited.add(key)
        return step

    def went_past(self, path: str, calls: int) -> bool:
        """Whether anything is recorded, in the line of control of this path, at its call of this number or after it.

        The marks of patches do not count: nothing has happened there. A branch that is over has gone past all of it.
        """
        depth = len(path)
        places = (place for place, key in self._by_place.items() if place.startswith(path) and not self._is_mark(key))
        numbers = (_NUMBER.match(place, depth) for place in places)
        return any(number is not None and int(number[0]) >= calls for number in numbers) or self._is_over(path)

    def _is_over(self, path: str) -> bool:
        """Whether the line that opened a branch is known to have come past the call that has it."""
        call = _BRANCH.search(path)
        if call is None:
            return False
        above, number = path[: call.start()], call["call"]
        return f"{above}{number}" in self._by_place or self.went_past(above, int(number) + 1)

    def _is_mark(self, key: str) -> bool:
        step = self._by_key.get(key)
        return step is not None and step.digest == PATCHED

    def expect(self, spot: Spot) -> None:
        """Raise `Drifted` where something else is recorded in the place of a call that is itself not recorded."""
        there = self._by_place.get(spot.place)
        if there is not None:
            raise self._drift(there, f"{there!r}", f"{spot.key!r} in its place")

    def expect_in_place(self, spot: Spot, place: str) -> None:
        """Raise `Drifted` where what is recorded under a call's key was recorded at another place."""
        if place != spot.place:
            raise self._drift(spot.key, f"{spot.key!r} as call {place}", f"it as call {spot.place}")

    def expect_no_question(self, spot: Spot) -> None:
        """Raise `Drifted` where a question stands for a call that now would run without its answer."""
        asked = self.approval(spot)
        if asked is not None and asked.status is not ApprovalStatus.SUPERSEDED:
            raise self._drift(spot.key, "a question", "a step")

    def expect_no_wait(self, spot: Spot) -> None:
        """Raise `Drifted` where the run waits for something that is no decision at a call that now is a question."""
        wait = self.awaiting.get(spot.key)
        if wait is not None:
            raise self._drift(spot.key, f"a wait for {wait.kind.value}", "a question")

    def drift(self, spot: Spot, recorded: str, found: str) -> Drifted:
        """Note that the code no longer fits what is recorded."""
        return self._drift(spot.key, recorded, found)

    def close(self, signal: Signal) -> None:
        """Let nothing more happen in this execution: the first reason stays."""
        if self.closed is None or (isinstance(self.closed, Ended) and not isinstance(signal, Ended)):
            self.closed = signal

    async def bodies_done(self) -> None:
        """Wait for the bodies that the workflow left behind under way: what they do is recorded."""
        await self.bodies.done()

    def add(self, step: Step) -> None:
        """Record a step's result; it becomes durable at once unless the workflow goes straight on."""
        self.made.append(step)
        if self.recorder is not None:
            self.unsaved.append(step)
            if self._timer is None and self.by_step:
                self._timer = asyncio.get_running_loop().call_soon(self._write_soon)

    def _write_soon(self) -> None:
        self._timer = None
        if self.unsaved and self._writing is None:
            self._writing = asyncio.ensure_future(self._write())
            self._writing.add_done_callback(self._written_soon)

    def _written_soon(self, writing: asyncio.Task[None]) -> None:
        """Write what was recorded meanwhile; a failure is kept, and raised at the next wait for a write."""
        if not writing.cancelled() and self.failure is None and self.closed is None:
            self._write_soon()

    async def note(self, wait: Wait) -> None:
        """Make durable that the run waits, or is to try again, before anything else happens. Raises `FencedOut`."""
        self.awaiting[wait.key] = wait
        self.visited.add(wait.key)
        self._noted = True
        await self.settle()

    async def launch(self, recorder: Recorder, child: RunRecord) -> RunRecord | None:
        """Have another run begin. A store that fails here is no error of the workflow's: the run stays as it is."""
        try:
            return await recorder.launch(child)
        except Exception as exc:
            self.failure = self.failure or exc
            raise

    def withdraw(self, key: str) -> None:
        """Take back what something else has made pointless: a question, in the commit after `note_withdrawn`."""
        self.visited.add(key)
        self.parked.pop(key, None)
        self.awaiting.pop(key, None)
        if self.asked.pop(key, None) is None and any(a.key == key and (a.pending or a.ready) for a in self.approvals):
            self.withdrawn.add(key)

    def waits_elsewhere(self, key: str, place: str) -> bool:
        """Whether the run waits for something, and not in this place: losing a race here does not withdraw that."""
        wait = self.awaiting.get(key)
        return wait is not None and wait.place != place

    def settle_branch(self, lost: Scope) -> None:
        """Let go of what a branch that lost has called; what it recorded or asked stands in the store for ever."""
        recorded: tuple[Step | Approval, ...] = (*self.found, *self.made, *self.approvals)
        kept = [each.key for each in recorded if each.place.startswith(lost.paths)]
        self.called.difference_update(lost.settle(kept))

    def withdraw_below(self, path: str) -> None:
        """Withdraw all that a branch asked or waits for: the code goes no further into it than to its first wait."""
        self.visited.update(step.key for step in self.found if step.place.startswith(path))
        for key in [a.key for a in self.approvals if a.place.startswith(path)]:
            self.withdraw(key)
        for key in [w.key for w in self.awaiting.values() if w.place.startswith(path)]:
            self.withdraw(key)

    def note_withdrawn(self) -> None:
        """Write what was withdrawn in the next commit, with the steps that are still to be written."""
        self._noted = self._noted or bool(self.withdrawn)

    async def settle(self) -> None:
        """Before a body runs: take the run, and make everything recorded durable. Raises `FencedOut`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._writing is not None or (self.unsaved and self.by_step) or self._noted or not self.begun:
            if self._writing is None:
                self._writing = asyncio.get_running_loop().create_task(self._write())
            await self._written()
        self._raise_failure()

    def _raise_failure(self) -> None:
        """Let a write that failed behind the workflow's back be known."""
        if self.failure is not None:
            raise self.failure

    def _written(self) -> asyncio.Future[None]:
        """Wait for the write under way, which goes on where the waiting is cancelled."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return waiter

    async def _write(self) -> None:
        steps, self.unsaved = self.unsaved, []
        entered, self._noted = self._entered() if self._noted else None, False
        failure: BaseException | None = FencedOut(self.run_id)  # where this task itself is cancelled
        try:
            if self.recorder is not None:
                await self.recorder.record(steps, entered)
            self.begun = True
            failure = None
        except Signal as fenced:
            self.close(fenced)
            failure = fenced
        except asyncio.CancelledError:
            raise
        except BaseException as exc:  # noqa: BLE001  (whoever waits, or comes next, gets it)
            self.failure = failure = exc
        finally:
            self._writing = None
            self._tell(failure)

    def _entered(self) -> Entered:
        recorded = {step.key for step in (*self.found, *self.made)}
        awaiting = tuple(wait for wait in self.awaiting.values() if wait.key not in recorded)
        return Entered(awaiting, frozenset(self.withdrawn))

    def _tell(self, failure: BaseException | None) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.done():  # cancelled
                continue
            if failure is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(failure)

    async def stop(self) -> list[Step]:
        """Wait for writes under way and give what is still unsaved, to ride in the last commit. Raises `FencedOut`.

        What is added afterwards, by a task that the workflow left behind, is written nowhere.
        """
        while self._writing is not None:  # a write that ends may begin the next
            await self._written()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.recorder = None
        self._raise_failure()
        steps, self.unsaved = self.unsaved, []
        return steps
