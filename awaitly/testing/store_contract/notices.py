"""Notices of a run: written with what they tell of, and read by key."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

from awaitly.storage.store import Hold, Store
from awaitly.testing.rows import T0, approval_row, changes, notice_row, run_row
from awaitly.testing.store_contract.page_runs import IN_ORDER
from awaitly.testing.store_contract.tools import applied, inserted, refused

__all__ = ["NoticeFacts"]


class NoticeFacts:
    """Keeping notices."""

    async def test_a_notice_is_inserted(self, store: Store) -> None:
        """A notice of version 1 is inserted, every field as given."""
        rows = (
            notice_row(key="a", channel="chat", due_at=T0 + 3, body='{"a":1}'),
            notice_row(key="b", due_at=None, dead=True),
            notice_row(key="c", due_at=T0 + 1, dead=True),
            notice_row(key="d", due_at=None),
        )
        await applied(store, changes(notices=rows))
        assert await store.notices("run") == rows

    async def test_a_notice_is_swapped(self, store: Store) -> None:
        """A notice of version n + 1 takes the place of version n, every field as given."""
        new = notice_row(version=2, channel="chat", due_at=T0 + 9, dead=True, body="[2]")
        last = notice_row(version=3, due_at=None, body="[3]")
        await applied(store, changes(notices=(notice_row(),)), changes(notices=(new,)))
        assert await store.notices("run") == (new,)
        await applied(store, changes(notices=(last,)))
        assert await store.notices("run") == (last,)

    async def test_notices_are_given_by_key(self, store: Store) -> None:
        """By code point, those that were sent or given up too, whichever came first, and those of no other run."""
        times = (None, T0, T0 - 1)
        rows = [notice_row(key=key, due_at=times[n % 3], dead=n % 2 == 0) for n, key in enumerate(IN_ORDER)]
        await applied(store, changes(notices=tuple(rows[::2])), changes(notices=tuple(rows[1::2])))
        await inserted(store, notice_row("run2"), notice_row("ru"))
        assert await store.notices("run") == tuple(rows)

    async def test_an_id_without_notices_has_none(self, store: Store) -> None:
        """Whether or not there is a run."""
        await inserted(store, run_row(), approval_row())
        assert await store.notices("run") == ()
        assert await store.notices("nobody") == ()

    async def test_notices_need_no_run(self, store: Store) -> None:
        """A ledger can be used alone, and people are told of it; a run that comes later finds them there."""
        await applied(store, changes(notices=(notice_row("gate"),)))
        assert (await store.load("gate")).run is None
        assert await store.due_notices(T0, 10, "mail") == (notice_row("gate"),)
        await inserted(store, run_row("gate"))
        assert await store.notices("gate") == (notice_row("gate"),)

    async def test_many_notices_come_back(self, store: Store) -> None:
        """A thousand notices, written in one commit, are all read, in order."""
        rows = tuple(notice_row(key=f"{n:04}", due_at=None, body=str(n)) for n in range(1000))
        await applied(store, changes(notices=rows[::-1]))
        assert await store.notices("run") == rows

    async def test_a_notice_for_the_same_version_is_a_conflict(self, store: Store) -> None:
        """Of two workers that take a notice the second is refused, and what the first wrote stays."""
        await applied(store, changes(notices=(notice_row(),)), changes(notices=(notice_row(version=2, body="1"),)))
        await refused(store, changes(notices=(notice_row(version=2, body="2"),)))
        assert await store.notices("run") == (notice_row(version=2, body="1"),)

    async def test_the_second_notice_of_a_commit_counts_too(self, store: Store) -> None:
        """Where it cannot be, neither is the first."""
        await applied(store, changes(notices=(notice_row(key="b"),)))
        await refused(store, changes(notices=(notice_row(key="a"), notice_row(key="b"))))
        await refused(store, changes(notices=(notice_row(key="b", version=2), notice_row(key="c", version=2))))
        assert await store.notices("run") == (notice_row(key="b"),)

    async def test_forgetting_leaves_no_notice_behind(self, store: Store) -> None:
        """An id that is used again has none of those that stood there, with a run and without."""
        rows = [(notice_row(run_id), notice_row(run_id, "dead", due_at=None, dead=True)) for run_id in ("a", "gate")]
        await inserted(store, run_row("a"), *(row for pair in rows for row in pair), notice_row("stays"))
        await applied(store, changes(forgotten=(Hold("a", 1),)), changes(forgotten=(Hold("gate", 0),)))
        await inserted(store, run_row("a"), approval_row("gate"))
        assert [await store.notices(run_id) for run_id in ("a", "gate")] == [(), ()]
        assert await store.due_notices(T0, 10, "mail") == (notice_row("stays"),)
        assert await store.next_notice(T0 - 1, "mail") == T0
