"""The contract of stores that keep several namespaces on one server: each is a store by itself."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeAlias

import pytest

from awaitly.storage.store import ApprovalQuery, Hold, NoticeQuery, RunQuery, Store, Waking
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_contract.tools import (
    Row,
    applied,
    approval_ids,
    inserted,
    notice_ids,
    refused,
    run_ids,
    whole,
)
from awaitly.testing.store_contract.waking import heard

__all__ = ["NamespaceContract", "Pair"]

Pair: TypeAlias = tuple[Store, Store]
"""Two open stores without rows: the same server, different namespaces."""

MARKS = {
    "nothing": "",
    "colon": ":",
    "two-colons": "::",
    "slash": "/",
    "bar": "|",
    "comma": ",",
    "number-sign": "#",
    "hyphen": "-",
    "dot": ".",
    "blank": " ",
    "brace": "{",
    "closing-brace": "}",
    "accent": "\u00e9",
}
"""What may stand between a namespace and an id."""

RUN_QUERIES = {
    "all": RunQuery(),
    "page-by-page": RunQuery(limit=1),
    "empty-prefix": RunQuery(prefix=""),
    "prefix": RunQuery(prefix="run"),
    "workflow": RunQuery(workflow="refund"),
    "status": RunQuery(statuses=("parked",)),
    "last-change": RunQuery(updated_before=T0 + 1),
}

APPROVAL_QUERIES = {
    "all": ApprovalQuery(),
    "page-by-page": ApprovalQuery(limit=1),
    "empty-prefix": ApprovalQuery(prefix=""),
    "prefix": ApprovalQuery(prefix="run"),
    "run": ApprovalQuery(run_id="run"),
    "workflow": ApprovalQuery(workflow="refund"),
    "alive": ApprovalQuery(alive_at=T0),
    "asked-before": ApprovalQuery(asked_before=T0 + 1),
    "deadline-before": ApprovalQuery(deadline_before=T0 + 9),
    "audience": ApprovalQuery(audience=("ann",)),
    "audience-of-several": ApprovalQuery(audience=("ann", "bob"), limit=1),
}


def rows(body: str, run_id: str = "run") -> tuple[Row, ...]:
    """Give one row of each kind, which tells by its body where it belongs."""
    return (
        run_row(run_id, due_at=T0, body=body),
        step_row(run_id, body=body),
        approval_row(run_id, deadline=T0 + 5, body=body),
        notice_row(run_id, body=body),
        entry_row(run_id, body=body),
    )


class NamespaceContract:
    """What a store does that has namespaces, beside what every store must do.

    Subclass it and override the fixture `pair`: it yields two open stores without rows, on the same server, in
    different namespaces. Let the fixture run for several pairs of names: one that is the beginning of the other (`a`
    and `ab`), and names that hold what may separate them from ids (`a` and `a:b`, `a` and `a{b}`).
    """

    pytestmark = pytest.mark.asyncio

    patience: ClassVar[float] = 20.0
    """How many seconds a wake-up may take on a machine that is busy with other things."""

    if not TYPE_CHECKING:  # a fixture that overrides this may be async and take any parameters

        @pytest.fixture
        def pair(self) -> Pair:
            """Override: yield two open stores without rows, on one server, in different namespaces."""
            pytest.fail("override the fixture `pair`: it yields two stores, on one server, in different namespaces")

    async def test_the_same_id_is_two_runs(self, pair: Pair) -> None:
        """Both can be inserted, and each is loaded where it was committed."""
        for store, body in zip(pair, ("1", "2"), strict=True):
            await inserted(store, *rows(body))
        for store, body in zip(pair, ("1", "2"), strict=True):
            found = await store.load("run")
            notices = await store.notices("run")
            assert (found.run, *found.steps, *found.approvals, *notices, found.head) == rows(body)

    async def test_loads_find_only_their_own(self, pair: Pair) -> None:
        """A run of the one is no run of the other."""
        await inserted(pair[0], *rows("1"))
        found = await pair[1].load("run")
        assert (found.run, found.steps, found.approvals, found.head) == (None, (), (), None)

    async def test_approvals_are_only_their_own(self, pair: Pair) -> None:
        """Without the run too."""
        await inserted(pair[0], *rows("1"))
        found = await pair[1].approvals("run")
        assert (found.approvals, found.head) == ((), None)

    async def test_entries_are_only_their_own(self, pair: Pair) -> None:
        """Each has its own ledger."""
        await inserted(pair[0], entry_row(), entry_row(seq=2))
        await inserted(pair[1], entry_row(body="2"))
        assert await pair[1].entries("run") == (entry_row(body="2"),)

    async def test_notices_are_only_their_own(self, pair: Pair) -> None:
        """Of a run, of what is to be sent, and of what was given up."""
        for store, key in zip(pair, ("1", "2"), strict=True):
            await inserted(store, notice_row(body=key), notice_row(key=key, due_at=T0 + int(key), dead=True))
        for store, key in zip(pair, ("1", "2"), strict=True):
            mine = (notice_row(body=key), notice_row(key=key, due_at=T0 + int(key), dead=True))
            assert set(await store.notices("run")) == set(mine)
            assert await store.due_notices(T0 + 9, 10, "mail") == mine
            assert await store.next_notice(T0, "mail") == T0 + int(key)
            for query in (NoticeQuery(), NoticeQuery(run_id="run"), NoticeQuery(channel="mail")):
                assert await notice_ids(store, query) == [("run", key)]

    async def test_what_is_sent_in_one_is_not_in_the_other(self, pair: Pair) -> None:
        """A notice of the same run and key stays as it is; what only the other has is missing here."""
        await inserted(pair[0], notice_row())
        await inserted(pair[1], notice_row(), notice_row(key="2 mail"))
        await applied(pair[0], changes(notices=(notice_row(version=2, due_at=None, dead=True),)))
        await refused(pair[0], changes(notices=(notice_row(key="2 mail", version=2),)))
        assert await pair[1].due_notices(T0, 10, "mail") == (notice_row(), notice_row(key="2 mail"))

    async def test_notices_are_forgotten_apart(self, pair: Pair) -> None:
        """Those of the other are to be sent still, and listed."""
        for store in pair:
            await inserted(store, run_row(), notice_row(), notice_row(key="dead", due_at=None, dead=True))
        await applied(pair[0], changes(forgotten=(Hold("run", 1),)))
        assert [await store.due_notices(T0, 10, "mail") for store in pair] == [(), (notice_row(),)]
        assert [await notice_ids(store, NoticeQuery()) for store in pair] == [[], [("run", "dead")]]

    @pytest.mark.parametrize("mark", list(MARKS.values()), ids=list(MARKS))
    async def test_namespace_and_id_are_not_run_together(self, pair: Pair, mark: str) -> None:
        """Whatever stands in an id, it cannot reach into another namespace."""
        names = (f"b{mark}c", f"{mark}b{mark}c", f"b{mark}{mark}c", f"{{b}}{mark}c", f"{{b{mark}c", "c", f"{mark}c")
        for name in dict.fromkeys(names):
            for store, body in zip(pair, ("1", "2"), strict=True):
                await inserted(store, *rows(body, name))
        for name in names:
            bodies = [[step.body for step in (await store.load(name)).steps] for store in pair]
            assert bodies == [["1"], ["2"]]

    @pytest.mark.parametrize("query", list(RUN_QUERIES.values()), ids=list(RUN_QUERIES))
    async def test_runs_are_listed_apart(self, pair: Pair, query: RunQuery) -> None:
        """Whatever is asked for, each lists its own, and all of it."""
        for store, more in zip(pair, ("run-1", "run-2"), strict=True):
            await inserted(store, run_row(), run_row(more))
        assert [await run_ids(store, query) for store in pair] == [["run-1", "run"], ["run-2", "run"]]

    @pytest.mark.parametrize("query", list(APPROVAL_QUERIES.values()), ids=list(APPROVAL_QUERIES))
    async def test_approvals_are_listed_apart(self, pair: Pair, query: ApprovalQuery) -> None:
        """Whatever is asked for, each lists its own, and all of it."""
        for store, key in zip(pair, ("x", "y"), strict=True):
            audiences = {"both": ("ann",), key: ("bob", "ann")}
            rows = (approval_row(key=each, deadline=T0 + 5, audience=names) for each, names in audiences.items())
            await inserted(store, *rows)
        assert [await approval_ids(store, query) for store in pair] == [
            [("run", "both"), ("run", "x")],
            [("run", "both"), ("run", "y")],
        ]

    async def test_each_has_its_own_due_runs(self, pair: Pair) -> None:
        """By their time and by their decisions."""
        await inserted(pair[0], run_row("late", due_at=T0), run_row("decided"), approval_row("decided", ready=True))
        await inserted(pair[1], run_row("late"), run_row("decided"), run_row("other", due_at=T0), approval_row("late"))
        assert [await store.due(T0, 10) for store in pair] == [("late", "decided"), ("other",)]

    async def test_each_has_its_own_due_runs_in_a_lane(self, pair: Pair) -> None:
        """Lanes of the same name are different ones."""
        await inserted(pair[0], run_row("late", due_at=T0, lane="a"), run_row("decided", lane="a"))
        await inserted(pair[0], approval_row("decided", ready=True))
        await inserted(pair[1], run_row("late", lane="a"), run_row("decided", lane="a"), approval_row("late"))
        await inserted(pair[1], run_row("other", due_at=T0, lane="a"))
        assert [await store.due(T0, 10, ["a"]) for store in pair] == [("late", "decided"), ("other",)]

    async def test_each_has_its_own_next_time(self, pair: Pair) -> None:
        """Of all its runs, and of those in a lane."""
        await inserted(pair[0], run_row("soon", due_at=T0 + 1), run_row(due_at=T0 + 2, lane="a"))
        await inserted(pair[1], run_row("soon"), run_row(due_at=T0 + 5, lane="a"))
        assert [await store.next_due(T0) for store in pair] == [T0 + 1, T0 + 5]
        assert [await store.next_due(T0, ["a"]) for store in pair] == [T0 + 2, T0 + 5]

    async def test_a_swap_touches_only_its_own(self, pair: Pair) -> None:
        """A run and an approval of the same names stay as they are in the other."""
        for store in pair:
            await inserted(store, run_row(), approval_row())
        before = await whole(pair[1], "run")
        await applied(pair[0], changes(runs=(run_row(version=2),), approvals=(approval_row(version=2, open=False),)))
        assert await whole(pair[1], "run") == before

    async def test_conditions_are_about_ones_own(self, pair: Pair) -> None:
        """What only the other has is missing here."""
        await inserted(pair[0], run_row(), approval_row())
        await refused(pair[1], changes(runs=(run_row(version=2),)))
        await refused(pair[1], changes(holds=(Hold("run", 1),)))
        await refused(pair[1], changes(approvals=(approval_row(version=2),)))
        await refused(pair[1], changes(forgotten=(Hold("run", 1),)))

    async def test_a_redaction_touches_only_its_own(self, pair: Pair) -> None:
        """An entry of the same run, number and hash stays in the other; what only the other has is missing here."""
        await inserted(pair[0], entry_row())
        await inserted(pair[1], entry_row(), entry_row(seq=2))
        await applied(pair[0], changes(redacted=(entry_row(body="1"),)))
        await refused(pair[0], changes(redacted=(entry_row(seq=2, body="1"),)))
        assert await pair[1].entries("run") == (entry_row(), entry_row(seq=2))

    async def test_audiences_are_forgotten_apart(self, pair: Pair) -> None:
        """What waits for somebody in the one waits there still when it is closed or forgotten in the other."""
        for store in pair:
            for name, audience in (("a", ("ann",)), ("b", ("bob", "ann"))):
                await inserted(store, run_row(name), approval_row(name, audience=audience))
        await applied(pair[0], changes(approvals=(approval_row("a", version=2, open=False),)))
        await applied(pair[0], changes(forgotten=(Hold("b", 1),)))
        ids = [await approval_ids(store, ApprovalQuery(audience=("ann",))) for store in pair]
        assert ids == [[], [("a", "manager"), ("b", "manager")]]

    async def test_a_drop_touches_only_its_own(self, pair: Pair) -> None:
        """A step of the same run and key stays in the other."""
        for store in pair:
            await inserted(store, run_row(), step_row())
        await applied(pair[0], changes(dropped=(("run", "pay"),)))
        assert [len((await store.load("run")).steps) for store in pair] == [0, 1]

    async def test_forgotten_touches_only_its_own(self, pair: Pair) -> None:
        """A run of the same id stays in the other, with all that belongs to it."""
        for store, body in zip(pair, ("1", "2"), strict=True):
            await inserted(store, *rows(body))
        before = await whole(pair[1], "run")
        await applied(pair[0], changes(forgotten=(Hold("run", 1),)))
        assert await whole(pair[1], "run") == before

    async def test_forgotten_without_a_run_touches_only_its_own(self, pair: Pair) -> None:
        """The same at version 0, whether the other has a run or not."""
        await inserted(pair[0], *rows("1")[1:])
        await inserted(pair[1], *rows("2"), *rows("2", "gate")[1:])
        before = await whole(pair[1], "run", "gate")
        await applied(pair[0], changes(forgotten=(Hold("run", 0),)), changes(forgotten=(Hold("gate", 0),)))
        assert await whole(pair[1], "run", "gate") == before

    async def test_listeners_hear_only_their_own(self, pair: Pair) -> None:
        """Where the stores are `Waking`: a commit of the other, with one of its own after it, is not told."""
        first, second = pair
        if not isinstance(second, Waking):
            pytest.skip("this store does not tell of commits")
        async with second.listening() as wakes:
            await applied(first, changes(runs=(run_row("theirs"),), wakes=True))
            await applied(second, changes(runs=(run_row("mine"),), wakes=True))
            assert await heard(wakes, "mine", patience=self.patience) == {"mine"}
