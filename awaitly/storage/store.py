"""What a store must do, and the rows that it keeps. Stores are dumb on purpose.

A store inserts, swaps by version, pages and deletes rows. It knows no status, no policy and no time zone: whatever
carries meaning is text in a row's `body`, and the few columns beside it exist to be found by. Times are whole
microseconds since 1970 UTC.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum, unique
from typing import Generic, Protocol, TypeVar, cast, runtime_checkable

from attrs import field
from attrs.validators import ge

from awaitly.approvals.audit import Entry
from awaitly.changing import quick
from awaitly.exceptions import UnknownStore
from awaitly.result import Result
from awaitly.values import frozen

__all__ = [
    "NEVER",
    "ApprovalQuery",
    "ApprovalRow",
    "ApprovalStore",
    "Changes",
    "Clocked",
    "Conflict",
    "Described",
    "Found",
    "Hold",
    "Joining",
    "Migrating",
    "Move",
    "NoticeQuery",
    "NoticeRow",
    "Page",
    "RunQuery",
    "RunRow",
    "StepRow",
    "Store",
    "Wakes",
    "Waking",
    "WorkflowStateStore",
    "cursor",
    "joined",
    "open_store",
    "position",
]

T = TypeVar("T")


@quick
@frozen
class RunRow:
    """One run. `due_at`: when somebody must look at it even if nothing else happens. Unique by `run_id`.

    `lane` names the line of work that the run stands in: `due` can be asked about some lanes alone.
    """

    run_id: str
    version: int
    workflow: str
    status: str
    created_at: int
    updated_at: int
    due_at: int | None
    body: str
    lane: str = ""


@frozen
class StepRow:
    """One recorded step. Unique by `run_id` and `key`; the first write wins."""

    run_id: str
    key: str
    body: str


@quick
@frozen
class ApprovalRow:
    """One approval, unique by `run_id` and `key`. `open`: it waits; `ready`: its run is to take its decision up.

    `audience` has the names, each once, under which an open one is found by `ApprovalQuery.audience`. It is written and
    replaced with the row, and need not be read back.
    """

    run_id: str
    key: str
    version: int
    workflow: str
    open: bool
    ready: bool
    asked_at: int
    deadline: int | None
    body: str
    audience: tuple[str, ...] = field(default=(), eq=False)


@frozen
class NoticeRow:
    """One notice for one channel, unique by `run_id` and `key`. `due_at`: when it is to be sent; None: no more.

    `dead`: it was given up, and is listed as such.
    """

    run_id: str
    key: str
    version: int
    channel: str
    due_at: int | None
    dead: bool
    body: str


@unique
class Move(Enum):
    """Why a commit is made: the name that failpoints, logs and counters use. Stores ignore it."""

    START = "start"
    STEP = "step"
    PARK = "park"
    DECIDE = "decide"
    CLAIM = "claim"
    ENQUEUE = "enqueue"
    SIGNAL = "signal"
    TELL = "tell"
    END = "end"
    CANCEL = "cancel"
    RELEASE = "release"
    RENEW = "renew"
    RETRY = "retry"
    REMIND = "remind"
    SEND = "send"
    SENT = "sent"
    REDACT = "redact"
    FORK = "fork"
    REVIEW = "review"
    SETTLE = "settle"
    CLEANUP = "cleanup"
    SCHEDULE = "schedule"


@frozen
class Hold:
    """A condition: the run is still at this version. `due_at`, where given, replaces the row's (a renewed lease)."""

    run_id: str
    version: int
    due_at: int | None = None


@quick
@frozen(kw_only=True)
class Changes:
    """One atomic commit about one run: all of it is applied, or nothing. Every part has the same `run_id`.

    `runs`, `approvals` and `notices` are swapped by version: a row of version 1 must not exist yet, a row of version n
    must stand at n - 1. `steps` and `entries` are inserted and must not exist yet. `redacted` entries take the place of
    those of the same `seq`, which must be there with the same `hash`. `dropped` names steps to remove, by run and key.
    `forgotten` names a run to delete, with all that belongs to it, if it stands at the given version; version
    0 means that there is no such run, and deletes what is kept under its id all the same.

    `wakes=True` tells whoever listens (`Waking`) of this run, once the commit stands: there may be something to do.

    `flushed=False` says that a power cut may undo this commit, if it also undoes every later one: a store that pays for
    durability by the commit may then save itself the wait. It is atomic, and seen by all at once, just the same.
    """

    move: Move
    runs: tuple[RunRow, ...] = ()
    holds: tuple[Hold, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    steps: tuple[StepRow, ...] = ()
    approvals: tuple[ApprovalRow, ...] = ()
    notices: tuple[NoticeRow, ...] = ()
    entries: tuple[Entry, ...] = ()
    redacted: tuple[Entry, ...] = ()
    forgotten: tuple[Hold, ...] = ()
    wakes: bool = False
    flushed: bool = True

    @property
    def run_id(self) -> str:
        """The run that it is about; raises `ValueError` where it is empty."""
        for parts in (self.runs, self.holds, self.steps, self.approvals, self.notices):
            for part in parts:
                return part.run_id
        for others in (self.entries, self.redacted, self.forgotten):
            for other in others:
                return other.run_id
        for run_id, _ in self.dropped:
            return run_id
        raise ValueError("a commit of nothing")


@frozen
class Conflict:
    """A condition of a commit did not hold, so nothing was applied. `what` names the first such row, for messages."""

    run_id: str
    what: str


@quick
@frozen
class Found:
    """All that a store has under one run id, read at one moment `now` of the store's clock.

    `steps` come in the order of their recording, `approvals` in that of their asking; `head` is the last entry.
    """

    now: int
    run: RunRow | None
    steps: tuple[StepRow, ...]
    approvals: tuple[ApprovalRow, ...]
    head: Entry | None


@frozen
class Page(Generic[T]):
    """A part of a listing. `after`, where not None, goes into the next query and gives the next part."""

    items: tuple[T, ...]
    after: str | None = None


@frozen(kw_only=True)
class RunQuery:
    """Which runs to list, newest first by `created_at`, then by `run_id` descending. Absent fields do not filter.

    Raises `ValueError` where `limit` is below 1.
    """

    prefix: str | None = None
    workflow: str | None = None
    statuses: tuple[str, ...] | None = None
    updated_before: int | None = None
    limit: int = field(default=50, validator=ge(1))
    after: str | None = None


@frozen(kw_only=True)
class ApprovalQuery:
    """Which open approvals to list, by `asked_at`, then `run_id`, then `key`, ascending. Absent fields do not filter.

    `alive_at` leaves out those whose deadline is at or before that time. `audience` leaves those that have any of these
    names in theirs, each listed once, and orders by `deadline` (those without one last), then `run_id`, then `key`.
    Raises `ValueError` where `limit` is below 1.
    """

    run_id: str | None = None
    prefix: str | None = None
    workflow: str | None = None
    alive_at: int | None = None
    asked_before: int | None = None
    deadline_before: int | None = None
    audience: tuple[str, ...] | None = None
    limit: int = field(default=50, validator=ge(1))
    after: str | None = None


@frozen(kw_only=True)
class NoticeQuery:
    """Which notices that were given up to list, by `run_id`, then `key`, ascending. Absent fields do not filter.

    Raises `ValueError` where `limit` is below 1.
    """

    run_id: str | None = None
    channel: str | None = None
    limit: int = field(default=50, validator=ge(1))
    after: str | None = None


_WIDEST = 2**63
NEVER = _WIDEST - 1
"""Stands for the deadline of an approval that has none, where approvals are ordered by theirs."""


def cursor(*position: int | str) -> str:
    """Write where a page ended, for `Page.after`."""
    return json.dumps(position, separators=(",", ":"))


def position(after: str, *kinds: type) -> tuple[int | str, ...]:
    """Read what `cursor` wrote; raises `ValueError` where the text is no such thing."""
    try:
        parts: tuple[int | str, ...] = tuple(json.loads(after))
    except (ValueError, TypeError, RecursionError):
        parts = ()
    if tuple(map(type, parts)) != kinds or not all(map(_is_kept, parts)):
        msg = f"not the `after` of a page: {after[:200]!r}"
        raise ValueError(msg)
    return parts


def _is_kept(part: int | str) -> bool:
    """Whether a store can compare with a part of a place: some know no number of more than 64 bits, and no NUL."""
    return part.isprintable() if isinstance(part, str) else -_WIDEST <= part < _WIDEST


class ApprovalStore(Protocol):
    """Keeps approvals and their ledger."""

    async def approvals(self, run_id: str) -> Found:
        """Read a run's approvals and its ledger's head; `run` and `steps` stay empty."""
        ...

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """List open approvals."""
        ...

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger, in order."""
        ...

    async def notices(self, run_id: str) -> tuple[NoticeRow, ...]:
        """Read all notices of a run, by `key`."""
        ...

    async def due_notices(self, now: int, limit: int, channel: str) -> tuple[NoticeRow, ...]:
        """Read at most `limit` (1 or more) notices of a channel whose `due_at` is at or before `now`.

        By `due_at`, then `run_id`, then `key`.
        """
        ...

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Give the earliest `due_at` after `now` of any notice of a channel; None where there is none."""
        ...

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """List notices that were given up."""
        ...


class WorkflowStateStore(Protocol):
    """Keeps runs and their steps."""

    async def page_runs(self, query: RunQuery) -> Page[RunRow]:
        """List runs."""
        ...


class Store(ApprovalStore, WorkflowStateStore, Protocol):
    """Keeps everything, and commits across both halves."""

    async def open(self) -> None:
        """Connect, and bring the schema up to date. Raises a `StoreError` that says what to do where it cannot."""
        ...

    async def close(self) -> None:
        """Finish what is under way and give back what `open` took. A client that the caller brought stays open."""
        ...

    async def now(self) -> int:
        """Read the store's clock."""
        ...

    async def load(self, run_id: str) -> Found:
        """Read all that belongs to a run, as of one moment; `run` is None where there is none."""
        ...

    async def due(self, now: int, limit: int, lanes: Sequence[str] | None = None) -> tuple[str, ...]:
        """Name at most `limit` (1 or more) runs whose `due_at` is at or before `now`, or that have a ready approval.

        First those whose time has come, by `due_at`, then `run_id`; then those that only a ready approval makes due, by
        `run_id`. An id without a run row is never due. With `lanes` (each named once) only runs of these are named:
        all of the first lane in that order, then all of the second, and so on.
        """
        ...

    async def next_due(self, now: int, lanes: Sequence[str] | None = None) -> int | None:
        """Give the earliest `due_at` after `now` of any run, or of any run of these lanes; None where there is none."""
        ...

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Apply all changes, or none. On return of `Ok` they survive a crash, as `flushed` and the store promise."""
        ...


class Wakes(Protocol):
    """What arrives between entering and leaving `Waking.listening`."""

    async def next(self, timeout: float) -> frozenset[str]:
        """Give the runs that were woken since the last call, as soon as there are any.

        Empty after `timeout` seconds, and where wake-ups may have been missed (a connection was lost and made again):
        whoever listens then looks in the store. Only hints: a run may be named twice, or for nothing.
        """
        ...


@runtime_checkable
class Waking(Protocol):
    """A store that tells other processes of commits with `wakes`, as soon as it can: a server's within milliseconds."""

    def listening(self) -> AbstractAsyncContextManager[Wakes]:
        """Listen: what is committed after this was entered is told."""
        ...


@runtime_checkable
class Clocked(Protocol):
    """A store whose clock can be read on the spot, because it is this machine's, or a test's."""

    def clock_now(self) -> int:
        """Read the store's clock, as `now` does."""
        ...


@runtime_checkable
class Joining(Protocol):
    """A store that can take part in a transaction that the caller has begun."""

    def joined(self, connection: object) -> Store:
        """Give this store as a part of the caller's transaction: what it commits stands once that transaction does.

        It is open, and not to be closed. Raises `TypeError` for an object that is no connection of this store's kind.
        """
        ...


def joined(store: Store, connection: object) -> Store:
    """Give a store as a part of the caller's transaction. Raises `TypeError` where the store can join none."""
    if isinstance(store, Joining):
        return store.joined(connection)
    msg = f"{type(store).__name__} cannot take part in a transaction of yours: leave `connection` out"
    raise TypeError(msg)


@runtime_checkable
class Migrating(Protocol):
    """A store whose schema can be brought up to date apart from opening it, by another user perhaps."""

    async def migrate(self) -> tuple[str, ...]:
        """Bring the schema up to date, and name the migrations that were still to do. The store need not be open."""
        ...

    def migrations(self) -> str:
        """Give all of them as text, for whoever would rather run them by hand."""
        ...


@runtime_checkable
class Described(Protocol):
    """A store that can print its own schema."""

    def schema(self) -> str:
        """Give the schema as text that the store's own tools understand."""
        ...


StoreOpener = Callable[[str], Store]
"""What an entry point of the group `awaitly.stores` names: it takes the whole URL and gives a store not yet opened."""


def open_store(url: str) -> Store:
    """Give the store that a URL means: its adapter is found by the scheme, in the entry-point group `awaitly.stores`.

    The store is not opened: an `Orchestrator` does that, or `await store.open()`. Raises `UnknownStore`.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415  (takes a tenth of what importing awaitly takes)

    scheme = url.partition(":")[0]
    installed = {point.name: point for point in entry_points(group="awaitly.stores")}
    if scheme not in installed:
        raise UnknownStore(_unknown(url, scheme, installed))
    try:
        opener = cast("StoreOpener", installed[scheme].load())
    except ModuleNotFoundError as exc:
        extra = installed[scheme].module.partition(".")[0].removeprefix("awaitly_")
        msg = f"the store {scheme!r} needs a driver that is missing ({exc.name}): pip install 'awaitly[{extra}]'"
        raise UnknownStore(msg) from exc
    except ImportError as exc:  # the adapter says which part of its driver is missing, and how to get it
        msg = f"the store {scheme!r} cannot load its driver: {exc}"
        raise UnknownStore(msg) from exc
    return opener(url)


def _unknown(url: str, scheme: str, installed: Iterable[str]) -> str:
    """Say what is wrong with a URL, without the password that may be in it."""
    from urllib.parse import quote  # noqa: PLC0415  (only those who mistype need it)

    if scheme == url or len(scheme) == 1:  # the letter of a drive
        return f"no store for {url!r}: it is no URL; for a SQLite file write sqlite:///{quote(url, errors='replace')}"
    known = ", ".join(sorted(installed)) or "none; is awaitly installed?"
    return f"no store for {url.rsplit('@', maxsplit=1)[-1]!r}: its scheme {scheme!r} is unknown here (known: {known})"
