"""Lives of runs on a disk that loses its power: recorded once, cut at many moments, and lived on from each."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from attrs import Factory, define, evolve, frozen

from awaitly import Orchestrator, Store, StoreError, utc_now
from awaitly_sqlite import SqliteStore
from tests.faults import power_child
from tests.faults.child import Doer, Reports
from tests.faults.errands import Marks, drawn_shape, errand, width
from tests.faults.inspecting import Sight, check_end, check_sight, sight_of
from tests.faults.lives import folder
from tests.faults.orders import Orders, Place
from tests.faults.power_child import COUNTERS, KeptOpen, PowerErrand, numbered
from tests.faults.power_disk import LOSSES, Disk
from tests.faults.power_recording import Kind, Record, Recorder
from tests.faults.tally import TALLY, Violated

__all__ = ["Recording", "look_after_cuts", "recorded"]

STORE = "runs.db"
_CHILD = Path(power_child.__file__)
_GONE = "-shm"
"""How the name of the file ends that processes share while they live: SQLite makes it anew after a loss of power."""

_LOG_HEAD = 32
"""How many bytes the head of a log has; nothing else that SQLite writes is of this length."""

Lives: TypeAlias = tuple[tuple[str, str], ...]
Shapes: TypeAlias = Mapping[str, str]
Files: TypeAlias = Mapping[str, bytes]


@frozen
class Recording:
    """All that was done to a store, and the shapes of the runs that were lived in it."""

    records: Sequence[Record]
    shapes: Shapes


def recorded(library: Path, seed: int, planted: str = "") -> Recording:
    """Let three processes, one after another, live runs in one store."""
    shapes = {f"r{n}": drawn_shape(Random(seed * 100 + n)) for n in range(12)}
    with folder() as here:
        place = here.resolve() / "disk"
        place.mkdir()
        recorder = Recorder(library, place, here / "log")
        for given in _errands(str(place / STORE), seed, tuple(shapes.items()), planted):
            recorder.run(_CHILD, given.to_json())
        records = tuple(recorder.records())
        _check_complete(records, place)
    return Recording(records, shapes)


def _errands(store: str, seed: int, lives: Lives, planted: str) -> Iterator[PowerErrand]:
    """The first child ends without closing the store; the second goes on until the log is begun anew."""
    given = PowerErrand(store, seed, lives[:6], (1, 41), together=False, closes=False, planted=planted)
    yield given
    yield evolve(given, lives=lives[6:9], numbers=(41, 641), together=True, closes=True)
    yield evolve(given, lives=lives[9:], numbers=(641, 681), together=True, closes=True)


def _check_complete(records: Sequence[Record], place: Path) -> None:
    """Check that the records make the very files that are there: nothing was written past the recorder."""
    disk = Disk()
    for record in records:
        disk.do(record)
    files = {path.name: path.read_bytes() for path in place.iterdir()}
    same = _lasting(disk.whole()) == _lasting(files)
    TALLY.check("the recorder of writes misses none", same and STORE in files, sorted(files))
    logs = sum(record.kind is Kind.CREATED and record.text.endswith("-wal") for record in records)
    begun = sum(record.kind is Kind.WRITTEN and len(record.data) == _LOG_HEAD for record in records)
    assert begun > logs, "so many commits that SQLite moved its log into the file and began it anew"


def _lasting(files: Files) -> Files:
    return {name: content for name, content in files.items() if not name.endswith(_GONE)}


@define
class Known:
    """What the world knows at a moment: what was acknowledged to it, and which bodies were executed."""

    reports: dict[str, list[dict[str, Any]]] = Factory(lambda: defaultdict[str, list[dict[str, Any]]](list))
    bodies: dict[str, list[str]] = Factory(lambda: defaultdict[str, list[str]](list))
    flushed: int = 0

    def learn(self, record: Record) -> None:
        """Take in a mark."""
        match record.marked:
            case {"run": str(run_id), "report": report}:
                self.reports[run_id].append(report)
            case {"run": str(run_id), "body": str(name)}:
                self.bodies[run_id].append(name)
            case {"number": int(number), "flushed": True}:
                self.flushed = max(self.flushed, number)
            case _:
                pass


@frozen
class Cut:
    """A moment at which the power goes, what is known then, and what the disk may still hold; `text` for messages."""

    text: str
    known: Known
    files: Files


def cuts(recording: Recording, random: Random, count: int) -> Iterator[Cut]:
    """Cut a recording at so many moments. What is known of a cut holds until the next one is asked for."""
    chosen = _moments(recording.records, random, count)
    disk, known = Disk(), Known()
    for moment, record in enumerate(recording.records, start=1):
        disk.do(record)
        known.learn(record)
        for _ in range(chosen[moment]):
            loss = random.choice(LOSSES)
            yield Cut(f"cut after {moment}, {loss.__name__}", known, _lasting(disk.after(random, loss)))


def _moments(records: Sequence[Record], random: Random, count: int) -> Counter[int]:
    """Draw moments: a third beside a wait for the disk, a third after something was acknowledged, a third anywhere."""
    waits = [n for n, record in enumerate(records, start=1) if record.kind is Kind.SYNCED]
    told = [n for n, record in enumerate(records, start=1) if "report" in (record.marked or ())]
    drawn = [random.choice(told) for _ in range(count // 3)]
    if waits:
        drawn += [random.choice(waits) - random.randint(0, 1) for _ in range(count // 3)]
    return Counter([*drawn, *(random.randint(1, len(records)) for _ in range(count - len(drawn)))])


def look_after_cuts(recording: Recording, seed: int, count: int) -> None:
    """Cut the power at so many moments, and look at what each leaves."""
    random = Random(seed)
    for cut in cuts(recording, random, count):
        with folder() as here:
            for name, content in cut.files.items():
                (here / name).write_bytes(content)
            asyncio.run(_look(here / STORE, cut, recording.shapes, random))
        TALLY.happened("power cuts")


def _in_an_hour() -> datetime:
    """Tell a time by which each lease is over."""
    return utc_now() + timedelta(hours=1)


async def _look(path: Path, cut: Cut, shapes: Shapes, random: Random) -> None:
    """Open what a cut left, check all of it, and see one of its runs to the end. Raises `Violated`."""
    store = SqliteStore(path, clock=_in_an_hour)
    try:
        await store.open()
        try:
            _check_structure(path, cut)
            await _check_numbers(store, cut)
            sights = {run_id: await _check_run(store, cut, run_id, shape) for run_id, shape in shapes.items()}
            run_id = random.choice([name for name, sight in sights.items() if not sight.over] or list(sights))
            await _live_on(store, sights[run_id], run_id, shapes[run_id], random)
        finally:
            await store.close()
    except (StoreError, sqlite3.DatabaseError) as error:
        TALLY.check("a store works after a power cut", False, (cut.text, error))
    except Violated as violated:
        violated.add_note(cut.text)
        raise
    TALLY.check("a store works after a power cut", True)


def _check_structure(path: Path, cut: Cut) -> None:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
    TALLY.check("SQLite finds its file whole", found == [("ok",)], (cut.text, found))


async def _check_numbers(store: Store, cut: Cut) -> None:
    """Check the numbered commits: each is there whole or not at all, after all before it, and surely where flushed."""
    steps: dict[int, str] = {}
    approvals: dict[int, str] = {}
    for run_id in COUNTERS:
        found = await store.load(run_id)
        steps |= {int(row.key): row.body for row in found.steps}
        approvals |= {int(row.key): row.body for row in found.approvals}
    TALLY.check("a commit is there whole, or not at all", steps == approvals, cut.text)
    first_to_last = list(range(1, len(steps) + 1))
    TALLY.check("no commit is there without all before it", sorted(steps) == first_to_last, (cut.text, sorted(steps)))
    TALLY.check("no flushed commit is lost", len(steps) >= cut.known.flushed, (cut.text, len(steps), cut.known.flushed))
    same = all(body == numbered(number).steps[0].body for number, body in steps.items())
    TALLY.check("a commit is there as it was made", same, cut.text)


async def _check_run(store: Store, cut: Cut, run_id: str, shape: str) -> Sight:
    """Check a run against what is known of it."""
    known = cut.known
    sight = await _sight(store, run_id, known.bodies[run_id], known.reports[run_id])
    check_sight(sight, width(shape))
    TALLY.check("no run that was acknowledged is lost", _stands(sight), (cut.text, sight))
    return sight


async def _sight(store: Store, run_id: str, bodies: Sequence[str], told: Sequence[dict[str, Any]]) -> Sight:
    return await sight_of(KeptOpen(store), run_id, Counter(bodies), tuple(told))


def _stands(sight: Sight) -> bool:
    """Whether a run is there, and over as it was said to be."""
    said = [report["status"] for report in sight.reports if report["deed"][0] in {"start", "finish", "live"}]
    if not said:
        return True
    if said[-1] == "parked":
        return sight.run is not None
    return sight.run is not None and sight.run.status.value == said[-1]


async def _live_on(store: Store, before: Sight, run_id: str, shape: str, random: Random) -> None:
    """Let another process see a run through, and check how it ends."""
    marks, reports = Marks(), Reports("bob")
    marks.left.extend(before.marks.elements())
    orders = Orders(Place("", "", ""), (), name="bob", seed=random.randrange(2**32))
    async with Orchestrator(KeptOpen(store), workflows=[errand(marks)]) as orchestrator:
        await Doer(orchestrator, marks, orders, reports).do("live", run_id, shape)
    sight = await _sight(store, run_id, marks.left, [*before.reports, *reports.lines])
    check_sight(sight, 0)
    check_end(sight, shape, [before])
