"""Listing the open approvals that wait for somebody: those that have any of some names in their audience."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from awaitly.storage.store import ApprovalQuery, ApprovalRow, Hold, Store
from awaitly.testing.rows import T0, approval_row, changes, run_row
from awaitly.testing.store_contract.page_runs import IN_ORDER
from awaitly.testing.store_contract.tools import applied, approval_ids, inserted, refused

__all__ = ["PageAudiencesFacts"]

NAMES = (
    *("", " ", "*", "ann", "Ann", "ann ", "an", "anna", "role:ann", "role:ops", "r:ole:ops", "%", "_nn", "a*", "a?n"),
    *("a,b", "a", "b", "it's", '"ann"', "{ann}", "[ann]", "a\\b", "\\u0061nn", "NULL", "null", "a\nb", "$1", ":ann"),
    *("caf\u00e9", "cafe\u0301", "\uff41nn", "\uff5e", "\U0001f600", "\u202eann", "'; DROP TABLE runs; --", "x" * 500),
)
"""All of them different, however alike some look."""

AUDIENCES: dict[str, tuple[str, ...]] = {
    "nobody": (),
    "one": ("ann",),
    "another": ("bob",),
    "two": ("ann", "role:ops"),
    "three": ("bob", "role:ops", "*"),
}


async def found(store: Store, *names: str) -> list[str]:
    """Name the runs of the approvals that wait for any of these names, over all pages of two."""
    return [run_id for run_id, _ in await approval_ids(store, ApprovalQuery(audience=names, limit=2))]


async def with_audiences(store: Store, count: int) -> list[tuple[str, str]]:
    """Insert approvals for Ann, for Bob, for both and for others, most urgent last; name those for either in order."""
    audiences = (("ann",), ("bob",), ("bob", "ann"), ("eve",))
    rows = [
        approval_row(f"run-{n:04}", asked_at=T0 + n, deadline=T0 + count - n, audience=audiences[n % 4])
        for n in range(count)
    ]
    await inserted(store, *rows)
    return [(row.run_id, row.key) for row in reversed(rows) if "eve" not in row.audience]


class PageAudiencesFacts:
    """Listing what waits for somebody."""

    async def test_an_approval_is_found_by_a_name_of_its_audience(self, store: Store) -> None:
        """By each of them, and by no other."""
        rows = (approval_row("a", audience=("ann",)), approval_row("b", audience=("bob", "role:ops", "ann")))
        await inserted(store, *rows, approval_row("c", audience=("bob",)), approval_row("d"))
        assert await found(store, "ann") == ["a", "b"]
        assert await found(store, "bob") == ["b", "c"]
        assert await found(store, "role:ops") == ["b"]
        assert await found(store, "eve") == []

    async def test_an_approval_of_several_names_is_listed_once(self, store: Store) -> None:
        """Those that any of the names find, however many find them, and however often one is given."""
        rows = (approval_row("a", audience=("ann", "bob", "*")), approval_row("b", audience=("bob",)))
        await inserted(store, *rows, approval_row("c", audience=("*", "bob")), approval_row("d", audience=("eve",)))
        assert await found(store, "ann", "bob", "*", "bob") == ["a", "b", "c"]

    async def test_no_name_finds_no_approval(self, store: Store) -> None:
        """An audience of nobody is asked for by no names, and one that waits for nobody is found by none."""
        await inserted(store, approval_row("a", audience=("ann",)), approval_row("b"))
        assert await found(store) == []
        assert await found(store, "", "*") == []
        assert await approval_ids(store, ApprovalQuery()) == [("a", "manager"), ("b", "manager")]

    async def test_an_audience_is_given_the_most_urgent_first(self, store: Store) -> None:
        """By deadline, to the microsecond, whenever they were asked; those without one come last."""
        deadlines = {"c": T0 + 1, "a": T0 + 2, "d": T0, "b": None, "e": T0 - 5}
        rows = [approval_row(name, asked_at=T0 - n, deadline=at) for n, (name, at) in enumerate(deadlines.items())]
        audiences = (("ann",), ("bob",), ("ann", "bob"), ("ann",), ("bob",))
        await inserted(store, *(evolve(row, audience=each) for row, each in zip(rows, audiences, strict=True)))
        assert await found(store, "ann", "bob") == ["e", "d", "c", "a", "b"]
        page = await store.page_approvals(ApprovalQuery(audience=("ann",)))
        assert [row.run_id for row in page.items] == ["d", "c", "b"]

    async def test_approvals_of_one_deadline_are_given_by_run_and_key(self, store: Store) -> None:
        """Both are ordered by code point, without regard to any language, also where there is no deadline."""
        places = [(run_id, key) for run_id in IN_ORDER for key in ("B", "a", "\u00e9")]
        for deadline, name in ((T0, "ann"), (None, "bob")):
            rows = [approval_row(run_id, name + key, deadline=deadline, audience=(name,)) for run_id, key in places]
            await inserted(store, *rows[::2], *rows[1::2])
            expected = [(run_id, name + key) for run_id, key in places]
            assert await approval_ids(store, ApprovalQuery(audience=(name,), limit=100)) == expected

    async def test_names_are_compared_to_the_letter(self, store: Store) -> None:
        """Nothing is folded, trimmed, cut or taken as a pattern, whether a name stands alone or beside another."""
        alone = [approval_row(f"a-{n:02}", audience=(name,)) for n, name in enumerate(NAMES)]
        beside = [approval_row(f"b-{n:02}", audience=("beside", name)) for n, name in enumerate(NAMES)]
        await inserted(store, *alone, *beside)
        for n, name in enumerate(NAMES):
            assert await found(store, name) == [f"a-{n:02}", f"b-{n:02}"], name
        assert len(await found(store, *NAMES)) == 2 * len(NAMES)

    async def test_what_waits_for_somebody_is_given_as_stored(self, store: Store) -> None:
        """A row is the whole row, in its newest version."""
        for audience in (("ann",), ("bob", "ann")):
            row = approval_row(audience[0], asked_at=T0 + 1, deadline=T0 + 2, body='"old"', audience=audience)
            new = evolve(row, version=2, body='"new"', deadline=T0 + 3, workflow="w")
            await applied(store, changes(approvals=(row,)), changes(approvals=(new,)))
            page = await store.page_approvals(ApprovalQuery(audience=audience[:1]))
            assert page.items == (new,)

    @pytest.mark.parametrize("new", list(AUDIENCES.values()), ids=list(AUDIENCES))
    @pytest.mark.parametrize("old", list(AUDIENCES.values()), ids=list(AUDIENCES))
    async def test_a_swap_replaces_the_audience(self, store: Store, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        """It is found by the new names, and by none that is gone."""
        await inserted(store, approval_row(audience=old))
        await applied(store, changes(approvals=(approval_row(version=2, audience=new),)))
        for name in ("ann", "bob", "role:ops", "*"):
            assert await found(store, name) == ["run"] * (name in new), name

    @pytest.mark.parametrize("audience", [("ann",), ("bob", "ann")], ids=["one", "two"])
    async def test_a_swap_moves_what_waits_for_somebody(self, store: Store, audience: tuple[str, ...]) -> None:
        """To the place of its new deadline, and of none."""
        await inserted(store, approval_row("a", deadline=T0, audience=audience))
        await inserted(store, approval_row("b", deadline=T0 + 5, audience=("ann",)))
        await applied(store, changes(approvals=(approval_row("a", version=2, deadline=T0 + 9, audience=audience),)))
        assert await found(store, "ann") == ["b", "a"]
        await applied(store, changes(approvals=(approval_row("a", version=3, deadline=T0 + 1, audience=audience),)))
        assert await found(store, "ann") == ["a", "b"]
        await applied(store, changes(approvals=(approval_row("a", version=4, deadline=None, audience=audience),)))
        assert await found(store, "ann") == ["b", "a"]

    @pytest.mark.parametrize("audience", [("ann",), ("bob", "ann")], ids=["one", "two"])
    async def test_a_closed_approval_waits_for_nobody(self, store: Store, audience: tuple[str, ...]) -> None:
        """Whether it was closed when it was inserted or later, and whatever audience it still names."""
        await inserted(store, approval_row("a", audience=audience), approval_row("b", open=False, audience=audience))
        await inserted(store, approval_row("c", audience=audience))
        closed = approval_row("a", version=2, open=False, ready=True, audience=audience)
        await applied(store, changes(approvals=(closed,)))
        await applied(store, changes(approvals=(approval_row("c", version=2, open=False),)))
        assert await found(store, "ann", "bob") == []
        await applied(store, changes(approvals=(evolve(closed, version=3, open=True),)))
        assert await found(store, "ann") == ["a"]

    @pytest.mark.parametrize("audience", [("ann",), ("bob", "ann")], ids=["one", "two"])
    async def test_forgetting_leaves_no_audience_behind(self, store: Store, audience: tuple[str, ...]) -> None:
        """An id that is used again is not found by the names of what stood there, with a run and without."""
        rows = [approval_row(run_id, audience=audience) for run_id in ("a", "gate", "stays")]
        await inserted(store, run_row("a"), *rows)
        await applied(store, changes(forgotten=(Hold("a", 1),)), changes(forgotten=(Hold("gate", 0),)))
        assert await found(store, "ann") == ["stays"]
        await inserted(store, approval_row("a"), approval_row("gate", audience=("eve",)))
        assert await found(store, "ann", "bob") == ["stays"]
        assert await found(store, "eve") == ["gate"]

    async def test_a_conflict_leaves_audiences(self, store: Store) -> None:
        """A commit that is refused neither adds names nor takes any away."""
        rows = (approval_row("run", "one", audience=("ann",)), approval_row("run", "two", audience=("ann", "bob")))
        await inserted(store, *rows)
        swaps = [evolve(row, version=2, audience=("eve", "*")[: n + 1]) for n, row in enumerate(rows)]
        new = (approval_row("run", "three", audience=("eve",)), approval_row("run", "four", audience=("eve", "ann")))
        bad = approval_row("run", "missing", 2)
        await refused(store, changes(approvals=(*swaps, *new, bad)))
        await refused(store, changes(approvals=(bad, *new, *swaps)))
        assert await found(store, "eve", "*") == []
        assert await approval_ids(store, ApprovalQuery(audience=("ann",))) == [("run", "one"), ("run", "two")]
        assert await approval_ids(store, ApprovalQuery(audience=("bob",))) == [("run", "two")]

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 8, 9, 10, 100])
    async def test_pages_of_an_audience_add_up(self, store: Store, limit: int) -> None:
        """Whatever the limit: every approval once, in order, those for several of the names too."""
        names = await with_audiences(store, 12)
        assert await approval_ids(store, ApprovalQuery(audience=("ann", "bob"), limit=limit)) == names

    async def test_pages_of_one_deadline_add_up(self, store: Store) -> None:
        """A page may end between two approvals of one deadline, or without one, and of the same run."""
        places = [(run_id, key) for run_id in IN_ORDER[:3] for key in ("a", "b", "c")]
        audiences = (("ann",), ("ann", "bob"), ("bob",), ("bob", "ann"))
        rows = [approval_row(*place, audience=audiences[n % 4]) for n, place in enumerate(places)]
        await inserted(store, *(evolve(row, run_id=f"0{row.run_id}", deadline=T0) for row in rows), *rows)
        expected = [(f"0{run_id}", key) for run_id, key in places] + places
        assert await approval_ids(store, ApprovalQuery(audience=("ann", "bob"), limit=2)) == expected

    async def test_a_page_of_an_audience_has_at_most_limit_items(self, store: Store) -> None:
        """It has exactly as many as are asked for, the most urgent ones, and says whether there are more."""
        names = await with_audiences(store, 12)
        page = await store.page_approvals(ApprovalQuery(audience=("ann", "bob"), limit=4))
        assert [(row.run_id, row.key) for row in page.items] == names[:4]
        assert page.after is not None
        assert (await store.page_approvals(ApprovalQuery(audience=("ann", "bob"), limit=9))).after is None

    async def test_a_walk_through_an_audience_goes_on_where_its_last_is_closed(self, store: Store) -> None:
        """A cursor is a place, not a row; what comes in ahead of it shifts nothing."""
        names = await with_audiences(store, 12)
        query = ApprovalQuery(audience=("ann", "bob"), limit=3)
        first = await store.page_approvals(query)
        last = first.items[-1]
        await applied(store, changes(approvals=(evolve(last, version=2, open=False, audience=("ann", "bob")),)))
        assert await approval_ids(store, evolve(query, after=first.after)) == names[3:]
        await inserted(store, approval_row("urgent", deadline=T0 - 50, audience=("ann",)))
        await inserted(store, approval_row("at-leisure", audience=("ann",)))
        rest = await approval_ids(store, evolve(query, after=first.after))
        assert rest == [*names[3:], ("at-leisure", "manager")]

    @pytest.mark.parametrize("after", ["no such place", "[1]", '["run","manager",1]'])
    async def test_a_wrong_cursor_of_an_audience_is_refused(self, store: Store, after: str) -> None:
        """An `after` that no page gave is a mistake of the caller: `ValueError`."""
        with pytest.raises(ValueError, match="after"):
            await store.page_approvals(ApprovalQuery(audience=("ann",), after=after))

    @pytest.mark.parametrize("audience", [("ann",), ("bob", "ann")], ids=["one", "two"])
    async def test_filters_hold_for_an_audience(self, store: Store, audience: tuple[str, ...]) -> None:
        """An approval is listed that passes all of them."""
        fits = approval_row("x-1", asked_at=T0, deadline=T0 + 5, audience=audience)
        misfits = {
            "run_id": evolve(fits, run_id="x-2"),
            "prefix": evolve(fits, run_id="y-1"),
            "workflow": evolve(fits, key="workflow", workflow="payout"),
            "asked_before": evolve(fits, key="later", asked_at=T0 + 2),
            "alive_at": evolve(fits, key="over", deadline=T0 + 3),
            "deadline_before": evolve(fits, key="not-urgent", deadline=T0 + 7),
            "audience": evolve(fits, key="eve", audience=("eve",)),
        }
        await inserted(store, fits, evolve(fits, key="closed", open=False), *misfits.values())
        query = ApprovalQuery(
            run_id="x-1",
            prefix="x-",
            workflow="refund",
            alive_at=T0 + 3,
            asked_before=T0 + 2,
            deadline_before=T0 + 7,
            audience=("ann", "*"),
        )
        assert await approval_ids(store, query) == [("x-1", "manager")]
        for name, misfit in misfits.items():
            without: dict[str, Any] = dict.fromkeys(("run_id", name))
            more = await approval_ids(store, evolve(query, **without))
            assert (misfit.run_id, misfit.key) in more, name

    async def test_an_audience_knows_what_is_without_a_deadline(self, store: Store) -> None:
        """It is alive at any time, and due before none."""
        rows = [approval_row(f"run-{n}", deadline=T0 + n, audience=("ann",)) for n in (-1, 0, 1)]
        await inserted(store, *rows, approval_row("without", audience=("ann",)))
        alive = ApprovalQuery(audience=("ann",), alive_at=T0)
        assert [run_id for run_id, _ in await approval_ids(store, alive)] == ["run-1", "without"]
        urgent = ApprovalQuery(audience=("ann",), deadline_before=T0)
        assert [run_id for run_id, _ in await approval_ids(store, urgent)] == ["run--1"]

    async def test_filtered_pages_of_an_audience_add_up(self, store: Store) -> None:
        """Filters hold on every page, and the limit counts only what passes them."""
        rows = [
            approval_row(
                f"run-{n}", deadline=T0 + n, workflow="odd" if n % 2 else "even", audience=("ann", "bob")[n % 3 :]
            )
            for n in range(12)
        ]
        await inserted(store, *rows)
        query = ApprovalQuery(audience=("ann", "bob"), workflow="odd", alive_at=T0 + 1, limit=2)
        page = await store.page_approvals(query)
        assert [row.run_id for row in page.items] == ["run-3", "run-7"]
        assert [run_id for run_id, _ in await approval_ids(store, query)] == ["run-3", "run-7", "run-9"]

    @pytest.mark.parametrize("names", [("role:0",), tuple(f"role:{n}" for n in range(20))], ids=["one", "twenty"])
    async def test_an_audience_of_many_is_given_in_order(self, store: Store, names: tuple[str, ...]) -> None:
        """More than any store reads at once: every approval once, in order, on several pages."""
        rows = [self._one_of_many(n) for n in range(1500)]
        await inserted(store, *rows)
        expected = sorted((r.deadline or 0, r.run_id) for r in rows if not set(names).isdisjoint(r.audience))
        query = ApprovalQuery(audience=names, limit=400)
        assert [run_id for run_id, _ in await approval_ids(store, query)] == [run_id for _, run_id in expected]

    @staticmethod
    def _one_of_many(n: int) -> ApprovalRow:
        """Make one for everybody, for two roles, or for one."""
        audience = (f"role:{n % 25}", f"role:{n % 7}") if n % 2 and n % 25 != n % 7 else (f"role:{n % 25}",)
        return approval_row(f"run-{n:04}", deadline=T0 + n * 7919 % 1500, audience=("role:0",) if n % 3 else audience)
