"""Finding the notices that are to be sent."""

# ruff: noqa: S101  (tests assert, and numbers are what a test is about)

from __future__ import annotations

from awaitly.storage.store import Hold, Store
from awaitly.testing.rows import T0, approval_row, changes, notice_row, run_row
from awaitly.testing.store_contract.page_audiences import NAMES
from awaitly.testing.store_contract.page_runs import IN_ORDER
from awaitly.testing.store_contract.tools import applied, inserted, refused

__all__ = ["DueNoticeFacts"]


async def due(store: Store, now: int = T0, limit: int = 100, channel: str = "mail") -> list[tuple[str, str]]:
    """Name the notices that are to be sent, by run and key."""
    return [(row.run_id, row.key) for row in await store.due_notices(now, limit, channel)]


class DueNoticeFacts:
    """What is to be sent, and when."""

    async def test_nothing_is_to_be_sent_in_an_empty_store(self, store: Store) -> None:
        """No notices, and no time."""
        assert await store.due_notices(T0, 10, "mail") == ()
        assert await store.next_notice(T0, "mail") is None

    async def test_a_notice_is_to_be_sent_from_its_time_on(self, store: Store) -> None:
        """At that very microsecond and later; not before."""
        await applied(store, changes(notices=(notice_row(),)))
        assert await due(store, T0 - 1) == []
        assert await due(store, T0) == [("run", "1 mail")]
        assert await due(store, T0 + 1) == [("run", "1 mail")]

    async def test_a_notice_without_a_time_is_not_to_be_sent(self, store: Store) -> None:
        """Nor one that lost its time, whether it was given up or not; one that has its time still is."""
        await inserted(store, notice_row("a"), notice_row("b"), notice_row("c", due_at=None))
        await inserted(store, notice_row("d", dead=True), notice_row("e", due_at=None, dead=True))
        await applied(store, changes(notices=(notice_row("a", version=2, due_at=None),)))
        await applied(store, changes(notices=(notice_row("b", version=2, due_at=None, dead=True),)))
        assert await due(store, T0 + 9) == [("d", "1 mail")]
        assert await store.next_notice(T0 - 9, "mail") == T0
        assert await store.next_notice(T0, "mail") is None

    async def test_the_notice_that_waits_longest_comes_first(self, store: Store) -> None:
        """By `due_at`, to the microsecond, whatever their keys and the order of their writing."""
        times = {"c": T0 + 1, "a": T0 + 2, "d": T0, "b": T0 - 5}
        await inserted(store, *(notice_row(run_id, due_at=at) for run_id, at in times.items()))
        assert [run_id for run_id, _ in await due(store, T0 + 9)] == ["b", "d", "c", "a"]

    async def test_notices_of_one_moment_come_by_run_and_key(self, store: Store) -> None:
        """Both by code point, and a limit cuts between them."""
        places = [(run_id, key) for run_id in IN_ORDER for key in ("B", "a", "\u00e9", "\uff5e", "\U0001f600")]
        await inserted(store, *(notice_row(*place) for place in places[::2] + places[1::2]))
        assert await due(store) == places
        assert await due(store, limit=7) == places[:7]

    async def test_a_limit_gives_the_first_notices(self, store: Store) -> None:
        """As many as are asked for, or all there are."""
        await inserted(store, *(notice_row(f"run-{n}", due_at=T0 + n) for n in range(5)))
        for limit in (1, 2, 4, 5, 6):
            assert [run_id for run_id, _ in await due(store, T0 + 9, limit)] == [f"run-{n}" for n in range(5)][:limit]

    async def test_channels_are_asked_apart(self, store: Store) -> None:
        """Each has its own notices and its own next time, also of one run."""
        await inserted(store, notice_row(), notice_row(key="1 chat", channel="chat", due_at=T0 + 1))
        await inserted(store, notice_row("other", channel="chat"))
        assert await due(store, T0 + 9) == [("run", "1 mail")]
        assert await due(store, T0 + 9, channel="chat") == [("other", "1 mail"), ("run", "1 chat")]
        assert [await store.next_notice(T0, channel) for channel in ("mail", "chat")] == [None, T0 + 1]

    async def test_channels_are_compared_to_the_letter(self, store: Store) -> None:
        """Nothing is folded, trimmed, cut or taken as a pattern."""
        await inserted(store, *(notice_row(f"{n:02}", channel=name, due_at=T0 + n) for n, name in enumerate(NAMES)))
        for n, name in enumerate(NAMES):
            assert await due(store, T0 + 99, channel=name) == [(f"{n:02}", "1 mail")], name
            assert await store.next_notice(T0 - 1, name) == T0 + n, name

    async def test_due_notices_are_given_as_stored(self, store: Store) -> None:
        """A row is the whole row, in its newest version."""
        new = notice_row(key="n", version=2, due_at=T0 + 3, body='"new"')
        other = notice_row(key="o", due_at=T0 + 4, dead=True, body='"other"')
        await applied(store, changes(notices=(notice_row(key="n", body='"old"'), other)), changes(notices=(new,)))
        assert await store.due_notices(T0 + 9, 10, "mail") == (new, other)

    async def test_a_swap_moves_a_notice(self, store: Store) -> None:
        """To its new time, to its new channel, and back among those to be sent."""
        await inserted(store, notice_row("a"), notice_row("b", due_at=T0 + 5))
        await applied(store, changes(notices=(notice_row("a", version=2, due_at=T0 + 9),)))
        assert await due(store, T0 + 9) == [("b", "1 mail"), ("a", "1 mail")]
        assert await store.next_notice(T0 + 5, "mail") == T0 + 9
        await applied(store, changes(notices=(notice_row("a", version=3, channel="chat"),)))
        assert await due(store, T0 + 9) == [("b", "1 mail")]
        assert await due(store, T0 + 9, channel="chat") == [("a", "1 mail")]
        await applied(store, changes(notices=(notice_row("a", version=4, due_at=None, dead=True),)))
        await applied(store, changes(notices=(notice_row("a", version=5, due_at=T0 + 6),)))
        assert await due(store, T0 + 9) == [("b", "1 mail"), ("a", "1 mail")]

    async def test_the_next_notice_is_the_first_to_come(self, store: Store) -> None:
        """After `now`, so that what is due already does not count; of several the earliest."""
        await inserted(store, *(notice_row(f"run-{n}", due_at=T0 + n) for n in (5, 2, 0, 9)))
        assert [await store.next_notice(T0 + n, "mail") for n in (-1, 0, 1, 2, 8)] == [
            T0,
            T0 + 2,
            T0 + 2,
            T0 + 5,
            T0 + 9,
        ]
        assert await store.next_notice(T0 + 9, "mail") is None

    async def test_notices_and_runs_are_due_apart(self, store: Store) -> None:
        """No notice makes a run due, and no run, approval or deadline a notice."""
        await inserted(store, run_row("told"), notice_row("told", due_at=T0 + 1))
        await inserted(store, run_row("late", due_at=T0 + 2), approval_row("late", ready=True, deadline=T0 + 3))
        assert await store.due(T0 + 9, 10) == ("late",)
        assert await store.next_due(T0) == T0 + 2
        assert await due(store, T0 + 9) == [("told", "1 mail")]
        assert await store.next_notice(T0 + 1, "mail") is None

    async def test_a_forgotten_notice_is_not_to_be_sent(self, store: Store) -> None:
        """Neither now nor later."""
        await inserted(store, run_row(), notice_row(), notice_row(key="later", due_at=T0 + 5))
        await applied(store, changes(forgotten=(Hold("run", 1),)))
        assert await due(store, T0 + 9) == []
        assert await store.next_notice(T0 - 1, "mail") is None

    async def test_a_conflict_leaves_what_is_to_be_sent(self, store: Store) -> None:
        """A commit that is refused neither adds notices nor moves any."""
        await inserted(store, notice_row(), notice_row(key="later", due_at=T0 + 5))
        swaps = (notice_row(version=2, due_at=None), notice_row(key="later", version=2, due_at=T0 + 1))
        new, bad = notice_row(key="new", due_at=T0 + 2), notice_row(key="missing", version=2)
        await refused(store, changes(notices=(*swaps, new, bad)))
        await refused(store, changes(notices=(bad, new, *swaps)))
        assert await due(store, T0 + 9) == [("run", "1 mail"), ("run", "later")]
        assert await store.next_notice(T0, "mail") == T0 + 5

    async def test_many_notices_are_to_be_sent_in_order(self, store: Store) -> None:
        """More than any store reads at once."""
        rows = [
            notice_row(f"run-{n:04}", due_at=T0 + n * 7919 % 1500, channel="mail" if n % 3 else "chat")
            for n in range(1500)
        ]
        await inserted(store, *rows)
        expected = sorted((row.due_at or 0, row.run_id) for row in rows if row.channel == "mail")
        found = await store.due_notices(T0 + 1500, 2000, "mail")
        assert [row.run_id for row in found] == [run_id for _, run_id in expected]
