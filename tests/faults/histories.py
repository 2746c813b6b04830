"""Histories of what processes do with the same runs at once, recorded at two levels, and the models that they must fit.

At the level of rows each commit and each read of the store is recorded, and the model is the contract's own. At the
level of verbs each decision, claim, delegation, signal, promise, cancellation and look is, and the model are the pure
tables. A recorded call that has no end is one whose process died, or whose answer was lost.
"""

from __future__ import annotations

import asyncio
import pickle
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from attrs import define, field, frozen

from awaitly import (
    Actor,
    Approval,
    Changes,
    Conflict,
    Decision,
    Entry,
    Err,
    Found,
    MemoryStore,
    Move,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    RunCancelled,
    Sent,
    Store,
    workflow,
)
from awaitly.approvals import events
from awaitly.approvals.deciding import decide
from awaitly.runs import moves
from awaitly.runs.letters import Kept, Letter, message_from, payload, received
from awaitly.runs.saving import state_in
from awaitly.statuses import WaitKind
from awaitly.storage.journal import RunState
from awaitly.testing import FailingStore, Failpoints, StoreWrapper, kill
from tests.faults.linearizing import EMPTY, Answer, Call, Read, Row, linearizable, on_rows, seen
from tests.faults.orders import Place
from tests.faults.planting import planted
from tests.faults.processes import CONTEXT, KILLED, ended, started
from tests.faults.stores import settled, store_at
from tests.faults.tally import TALLY
from tests.support import SharedStore

__all__ = ["Deed", "among_processes", "among_tasks"]

T = TypeVar("T")
ROWS, VERBS = "rows", "verbs"
_EACH = 5
"""What one contender does with each run."""


class _Gate(Protocol):
    def wait(self, timeout: float | None = None) -> int: ...


# Recording


@define
class Recorder:
    """Writes calls down as they begin and end; each frame is in the file before anybody goes on."""

    path: Path
    _count: int = 0
    _file: Any = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Open the file, unbuffered: what a killed process had written is there."""
        self._file = self.path.open("ab", buffering=0)

    async def around(
        self, level: str, run_id: str, deed: object, doing: Awaitable[T], told: Callable[[T], object]
    ) -> T:
        """Await what is done, and record it; where it raises, it has no end."""
        self._count += 1
        number = self._count
        self._write((number, level, run_id, deed, time.monotonic_ns()))
        given = await doing
        self._write((number, told(given), time.monotonic_ns()))
        return given

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, frame: tuple[object, ...]) -> None:
        self._file.write(pickle.dumps(frame))


_Calls: TypeAlias = dict[tuple[str, str], list[Call[Any, Any]]]


def recorded(paths: Sequence[Path]) -> _Calls:
    """Read what was recorded, by level and run."""
    found: defaultdict[tuple[str, str], list[Call[Any, Any]]] = defaultdict(list)
    for path in paths:
        begun: dict[int, Call[Any, Any]] = {}
        for frame in _frames(path):
            if len(frame) == 5:
                number, level, run_id, deed, start = frame
                begun[number] = Call(deed, start)
                found[level, run_id].append(begun[number])
            else:
                number, answer, end = frame
                begun[number].answer, begun[number].end = answer, end
    return found


def _frames(path: Path) -> Iterator[tuple[Any, ...]]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)  # noqa: S301  (written by these tests)
            except (EOFError, pickle.UnpicklingError):  # its process was killed
                return


class Recorded(StoreWrapper):
    """A store whose commits, and whose reads of a run, are recorded."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        super().__init__(store)
        self._recorder = recorder

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit."""
        made = super().commit(changes)
        return await self._recorder.around(ROWS, changes.run_id, changes, made, lambda result: result == Ok(None))

    async def load(self, run_id: str) -> Found:
        """Read a run."""
        return await self._recorder.around(ROWS, run_id, Read("load"), super().load(run_id), seen)

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals."""
        return await self._recorder.around(ROWS, run_id, Read("approvals"), super().approvals(run_id), seen)

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger."""
        return await self._recorder.around(ROWS, run_id, Read("entries"), super().entries(run_id), _entries)


def _entries(entries: tuple[Entry, ...]) -> Answer:
    return None, (), frozenset(), None, entries


# What is done, and what the tables say of it

RHEA = Actor("rhea")
PEOPLE = ("ann", "bob", "cem")
ALONE = Policy(approvers=list(PEOPLE), exclusive_claims=True, expires_in="1d")
TOGETHER = Policy(approvers=list(PEOPLE), needs=2, expires_in="1d")


async def _noted(value: str) -> Result[str, NotApproved]:
    return Ok(value)


@workflow
async def asking(run: Run[NotApproved], together: bool) -> Result[str, NotApproved]:
    """Ask, and do something with the answer."""
    value = await run.approval("ok", proposes="as proposed", policy=TOGETHER if together else ALONE)
    return Ok(await run.step(_noted, value))


@frozen
class Deed:
    """A verb with its actor; `value` is what it says, edits to, sends, or hands on to."""

    verb: str
    by: str = "rhea"
    value: str = ""


_WEIGHTS = {"approve": 4, "reject": 1, "edit": 2, "claim": 3, "release": 2, "delegate": 1, "signal": 3, "resolve": 2}
_RARE = {"cancel": 0.3, "look": 5}


def drawn(random: Random) -> Deed:
    """Draw something to do."""
    weights = {**_WEIGHTS, **_RARE}
    (verb,) = random.choices(list(weights), list(weights.values()))
    by = "rhea" if verb in ("cancel", "look") else random.choice([*PEOPLE, "dan"])
    return Deed(verb, by, random.choice("xy"))


async def done(orchestrator: Orchestrator, run_id: str, deed: Deed) -> object:
    """Do it for real."""
    o, by, value = orchestrator, Actor(deed.by), deed.value
    doing: dict[str, Callable[[], Awaitable[object]]] = {
        "approve": lambda: o.approve(run_id, "ok", by=by),
        "reject": lambda: o.reject(run_id, "ok", value, by=by),
        "edit": lambda: o.edit(run_id, "ok", value, by=by),
        "claim": lambda: o.claim(run_id, "ok", by=by),
        "release": lambda: o.release(run_id, "ok", by=by),
        "delegate": lambda: o.delegate(run_id, "ok", to="dan", by=by),
        "cancel": lambda: o.cancel(run_id, by=by),
        "signal": lambda: o.signal(run_id, "go", value, by=by),
        "resolve": lambda: o.resolve(f"paid@{run_id}", value, by=by),
        "look": lambda: o.history(run_id),
        "resume": lambda: o.resume(run_id),
    }
    return await doing[deed.verb]()


def told(answer: object) -> Hashable:
    """Say an answer without its times, which depend on the moment."""
    match cast("Result[Any, Any]", answer):
        case Ok(Decision() as made):
            return "decided", told_of(made.approval), made.replayed
        case Ok(Sent(replayed=replayed)):
            return "sent", replayed
        case Ok(RunCancelled()):
            return ("cancelled",)
        case Ok(history):
            (approval,) = history.approvals
            messages = frozenset((each.key, _who(each.by)) for each in history.messages)
            return "seen", history.run.status, told_of(approval), messages
        case Err(error):
            return type(error).__name__, getattr(error, "by", None)
        case _:
            raise AssertionError(answer)


def told_of(a: Approval) -> Hashable:
    """Say how an approval stands, without its times."""
    votes = tuple((vote.by.name, vote.approves) for vote in a.votes)
    taken = _who(None if a.handling.taken is None else a.handling.taken.by)
    delegations = tuple((each.owner, each.to) for each in a.handling.delegations)
    closing = _who(None if a.closing is None else a.closing.by)
    return a.version, a.status, a.revision, a.edited, _who(a.editor), votes, closing, taken, delegations


def _who(actor: Actor | None) -> str | None:
    return None if actor is None else actor.name


@frozen
class Told:
    """A run that waits, as the tables have it; two are the same where they are told of alike."""

    state: RunState = field(eq=False)
    alike: Hashable

    @classmethod
    def of(cls, state: RunState) -> Told:
        """Give it with what tells it from others."""
        (approval,) = state.approvals
        messages = frozenset((each.key, each.content, _who(each.by)) for each in state.messages)
        return cls(state, (state.run.status, told_of(approval), messages))


def by_tables(stands: Told, deed: Deed) -> tuple[Hashable, Told]:
    """Give what must be answered where one thing is done after the other, and how the run stands then."""
    state, by = stands.state, Actor(deed.by)
    now, (approval,) = state.run.created_at, state.approvals
    match deed.verb:
        case "look":
            messages = frozenset((each.key, _who(each.by)) for each in state.messages)
            return ("seen", state.run.status, told_of(approval), messages), stands
        case "cancel":
            match moves.cancel(state, by, None, now):
                case Ok(moved):
                    return ("cancelled",), Told.of(moved.state)
                case Err(kept):
                    return told(Err(kept)), stands
        case "signal" | "resolve":
            return _posted(stands, deed)
        case _:
            match decide(approval, _EVENTS[deed.verb](by, deed.value), now):
                case Ok(transition):
                    answer = told(Ok(Decision(transition.approval, replayed=not transition.changed)))
                    return answer, Told.of(state.but(approvals=(transition.approval,)))
                case Err(refusal):
                    return told(Err(refusal)), stands


_EVENTS: dict[str, Callable[[Actor, str], events.Event]] = {
    "approve": lambda by, _: events.Approve(by),
    "reject": events.Reject,
    "edit": lambda by, value: events.Edit(by, f'"{value}"'),
    "claim": lambda by, _: events.Claim(by),
    "release": lambda by, _: events.Release(by),
    "delegate": lambda by, _: events.Delegate(by, "dan"),
}


def _posted(stands: Told, deed: Deed) -> tuple[Hashable, Told]:
    """Post a letter as the rule over letters has it."""
    state, run_id = stands.state, stands.state.run.run_id
    kind, name = (WaitKind.SIGNAL, "go") if deed.verb == "signal" else (WaitKind.PROMISE, "paid")
    letter = Letter(run_id, kind, name, payload(run_id, name, deed.value).unwrap(), Actor(deed.by))
    before = next((each for each in state.messages if each.key == letter.slot), None)
    match received(letter, state.run, Kept(before), state.run.created_at):
        case Ok(Sent() as sent):
            return told(Ok(sent)), stands
        case Ok(_):
            kept = message_from(letter, state.run.workflow, Kept(before), state.run.created_at, unread=False)
            return ("sent", False), Told.of(state.but(messages=(*state.messages, kept)))
        case Err(refusal):
            return told(Err(refusal)), stands


# Contending


@frozen
class Contest:
    """Who contends for what: all that are called `t` are talked about alone, all `r` go on as well."""

    place: Place
    runs: tuple[str, ...]
    seed: int
    plant: str = ""

    def path_of(self, name: str) -> Path:
        """Name the file with a contender's history."""
        return Path(f"{self.place.reports}.{name}.history")


def _names(count: int) -> tuple[str, ...]:
    return tuple(f"{'tr'[number % 2]}{number}" for number in range(count))


async def _begun(contest: Contest, store: Store) -> dict[str, Told]:
    """Start all runs, decide those that are to go on, and give how each stands; recorded like all the rest."""
    recorder = Recorder(contest.path_of("beginning"))
    state: dict[str, Told] = {}
    async with Orchestrator(Recorded(store, recorder), workflows=[asking]) as orchestrator:
        for number, name in enumerate(contest.runs):
            await orchestrator.start(asking(number % 4 < 2 and name[0] == "t"), run_id=name, requested_by=RHEA)
            if name[0] == "r":
                (await orchestrator.approve(name, by="ann")).unwrap()
            found = await store.load(name)
            assert found.run is not None
            state[name] = Told.of(state_in(found, found.run))
    recorder.close()
    return state


async def _with_one(contest: Contest, orchestrator: Orchestrator, recorder: Recorder, name: str, who: str) -> None:
    """Do some things with one run."""
    random = Random(f"{contest.seed} {name} {who}")
    for _ in range(_EACH):
        deed = drawn(random)
        if name[0] == "r" and random.random() < 0.5:
            deed = Deed("resume")
        doing = done(orchestrator, name, deed)
        if name[0] == "t":
            await recorder.around(VERBS, name, deed, doing, told)
        else:
            await doing


def check(contest: Contest, begun: dict[str, Told], names: Sequence[str]) -> None:
    """Check what was recorded, run by run."""
    found = recorded([contest.path_of("beginning"), *map(contest.path_of, names)])
    for (level, run_id), calls in sorted(found.items()):
        if level == ROWS:
            fits = linearizable(cast("list[Call[Row, Answer]]", calls), EMPTY, on_rows)
        else:
            fits = linearizable(cast("list[Call[Deed, Hashable]]", calls), begun[run_id], by_tables)
        TALLY.check(f"a history of {level} is linearizable", fits, (run_id, calls))
        TALLY.happened(f"recorded calls, of {level}", len(calls))


async def among_tasks(place: Place, runs: int, seed: int = 0, plant: str = "", tasks: int = 4) -> None:
    """Let tasks of one loop contend for runs in memory, each with an orchestrator of its own."""
    contest, memory = Contest(place, _names(runs), seed, plant), MemoryStore()
    await memory.open()
    store = SharedStore(memory)
    begun = await _begun(contest, store)
    recorders = [Recorder(contest.path_of(str(number))) for number in range(tasks)]
    async with AsyncExitStack() as stack:
        stores = [Recorded(planted(plant, store), recorder) for recorder in recorders]
        hands = [await stack.enter_async_context(Orchestrator(each, workflows=[asking])) for each in stores]
        for name in contest.runs:
            contending = zip(hands, recorders, range(tasks), strict=True)
            await asyncio.gather(*(_with_one(contest, o, r, name, f"{n}") for o, r, n in contending))
    for recorder in recorders:
        recorder.close()
    check(contest, begun, [str(number) for number in range(tasks)])


def among_processes(place: Place, runs: int, seed: int = 0, plant: str = "", processes: int = 3) -> None:
    """Let processes contend for runs, each with two hands; the last run is the end of one of them."""
    contest = Contest(place, _names(runs), seed, plant)
    begun = asyncio.run(_begun(contest, store_at(place.store)))
    gate = CONTEXT.Barrier(processes)
    contending = [started(contend, contest, number, gate) for number in range(processes)]
    codes = [ended(process) for process in contending]
    TALLY.check("a contender ends well, or by the kill", codes[1:] == [0] * (processes - 1), codes)
    TALLY.happened("contenders killed", codes[0] == KILLED)
    settled(place.store)
    check(contest, begun, [str(number) for number in range(processes)])


def contend(contest: Contest, number: int, gate: _Gate) -> None:
    """Be one contender: begin with each run as soon as all are ready."""
    asyncio.run(_contended(contest, number, gate))


async def _contended(contest: Contest, number: int, gate: _Gate) -> None:
    recorder, failpoints, random = Recorder(contest.path_of(str(number))), Failpoints(), Random(f"{contest.seed} dies")
    store = Recorded(FailingStore(planted(contest.plant, store_at(contest.place.store)), failpoints), recorder)
    async with Orchestrator(store, workflows=[asking], lease="60s") as orchestrator:
        for name in contest.runs:
            gate.wait(60)
            if number == 0 and name == contest.runs[-1] and not contest.plant:
                for move in (Move.DECIDE, Move.CLAIM, Move.END, Move.SIGNAL):
                    failpoints.arm(f"{move.value}.{random.choice(('before', 'after'))}", kill, 1)
            hands = (_with_one(contest, orchestrator, recorder, name, f"{number}{hand}") for hand in "ab")
            await asyncio.gather(*hands)
    recorder.close()
