"""A store's clock, its closing, and what it still has when it is opened again."""

# ruff: noqa: S101  (tests assert, and numbers are what a test is about)

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from awaitly.durations import to_micros
from awaitly.exceptions import StoreUnavailable
from awaitly.storage.store import ApprovalQuery, Hold, NoticeQuery, RunQuery, Store
from awaitly.testing.clock import TestClock
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_contract.tools import applied, approval_ids, notice_ids, refused, run_ids, whole

__all__ = ["LifetimeFacts"]

VERBS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "now": lambda store: store.now(),
    "load": lambda store: store.load("run"),
    "approvals": lambda store: store.approvals("run"),
    "entries": lambda store: store.entries("run"),
    "page_runs": lambda store: store.page_runs(RunQuery()),
    "page_approvals": lambda store: store.page_approvals(ApprovalQuery()),
    "due": lambda store: store.due(T0, 1),
    "next_due": lambda store: store.next_due(T0),
    "notices": lambda store: store.notices("run"),
    "due_notices": lambda store: store.due_notices(T0, 1, "mail"),
    "next_notice": lambda store: store.next_notice(T0, "mail"),
    "page_notices": lambda store: store.page_notices(NoticeQuery()),
    "commit": lambda store: store.commit(changes(runs=(run_row(),))),
}

EVERYTHING = (
    changes(
        runs=(run_row(due_at=T0, body='"\U0001f600"'),),
        steps=(step_row(key="z"), step_row(key="a")),
        approvals=(approval_row(deadline=T0 + 9),),
        notices=(notice_row(), notice_row(key="2 mail", due_at=None, dead=True)),
        entries=(entry_row(), entry_row(seq=2)),
    ),
    changes(
        runs=(run_row("other", created_at=T0 + 1, lane="slow"),),
        approvals=(approval_row("other", "cfo", open=False, ready=True),),
    ),
)


class LifetimeFacts:
    """From opening to closing, and again."""

    async def test_now_is_in_microseconds(self, store: Store) -> None:
        """Whole ones since 1970, of a year in which this code can run."""
        now = await store.now()
        assert type(now) is int
        assert to_micros(datetime(2025, 1, 1, tzinfo=UTC)) < now < to_micros(datetime(2200, 1, 1, tzinfo=UTC))

    async def test_reads_tell_the_time_of_reading(self, store: Store) -> None:
        """`load` and `approvals` give a time that lies between two readings of the same clock."""
        before = await store.now()
        found = [(await store.load("run")).now, (await store.approvals("run")).now]
        after = await store.now()
        assert before <= found[0] <= found[1] <= after

    async def test_the_given_clock_is_the_stores_clock(self, store: Store, clock: TestClock) -> None:
        """A store that takes a clock reads it anew each time, to the microsecond."""
        for by in (timedelta(microseconds=1), "1h", "400d"):
            now = to_micros(clock.advance(by))
            readings = (await store.now(), (await store.load("run")).now, (await store.approvals("run")).now)
            assert readings == (now, now, now)

    async def test_closing_twice_is_harmless(self, store: Store) -> None:
        """The second `close` does nothing."""
        await store.close()
        await store.close()

    @pytest.mark.parametrize("verb", list(VERBS.values()), ids=list(VERBS))
    async def test_a_closed_store_is_unavailable(
        self, store: Store, verb: Callable[[Store], Awaitable[object]]
    ) -> None:
        """Whatever is asked of it."""
        await store.close()
        with pytest.raises(StoreUnavailable):
            await verb(store)

    async def test_a_reopened_store_has_every_row(self, store: Store, reopened: Callable[[], Awaitable[Store]]) -> None:
        """What was committed before the store was closed is there, in the same order."""
        await applied(store, *EVERYTHING)
        before = await whole(store, "run", "other")
        assert await whole(await reopened(), "run", "other") == before

    async def test_a_reopened_store_finds_its_rows(
        self, store: Store, reopened: Callable[[], Awaitable[Store]]
    ) -> None:
        """Listings and what is due are the same too."""
        await applied(store, *EVERYTHING)
        again = await reopened()
        assert await run_ids(again, RunQuery()) == ["other", "run"]
        assert await approval_ids(again, ApprovalQuery()) == [("run", "manager")]
        assert await again.due(T0, 10) == ("run", "other")
        assert await again.due(T0, 10, ["slow", ""]) == ("other", "run")
        assert await again.next_due(T0 - 1, [""]) == T0
        assert await again.due_notices(T0, 10, "mail") == (notice_row(),)
        assert await again.next_notice(T0 - 1, "mail") == T0
        assert await notice_ids(again, NoticeQuery()) == [("run", "2 mail")]

    async def test_a_reopened_store_goes_on(self, store: Store, reopened: Callable[[], Awaitable[Store]]) -> None:
        """It refuses what was taken already, and takes what comes next."""
        await applied(store, *EVERYTHING)
        again = await reopened()
        for commit in EVERYTHING:
            await refused(again, commit)
        await applied(
            again, changes(runs=(run_row(version=2),), steps=(step_row(key="m"),), entries=(entry_row(seq=3),))
        )
        found = await again.load("run")
        assert ([step.key for step in found.steps], found.head) == (["z", "a", "m"], entry_row(seq=3))

    async def test_what_is_gone_stays_gone(self, store: Store, reopened: Callable[[], Awaitable[Store]]) -> None:
        """A step that was dropped and a run that was forgotten are not there again."""
        await applied(store, *EVERYTHING, changes(dropped=(("run", "z"),)), changes(forgotten=(Hold("other", 1),)))
        again = await reopened()
        assert [step.key for step in (await again.load("run")).steps] == ["a"]
        assert ((await again.load("other")).run, (await again.load("other")).approvals) == (None, ())
