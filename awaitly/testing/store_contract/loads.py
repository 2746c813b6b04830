"""What reading gives back: the same text, in the right order."""

# ruff: noqa: S101  (tests assert, and numbers are what a test is about)

from __future__ import annotations

import pytest

from awaitly.storage.store import Hold, RunQuery, Store
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_contract.tools import applied

__all__ = ["LoadFacts"]

LANES = ("", " ", "fast", "FAST", "a:b", "it's", "{a}", "a%", "caf\u00e9", "cafe\u0301", "\U0001f600")

BODIES = {
    "empty": "",
    "quotes": """{"a":"it's a \\"quote\\", a `tick`, a $1, a ? and a :name"}""",
    "newlines": "one\ntwo\r\nthree\rfour\u2028five",
    "blanks": "  \t padded \t  ",
    "percent": "%s %d %% {0} {name} \\x00 \\u0041 \\",
    "escaped-nul": '{"a":"\\u0000"}',
    "escaped-surrogate": '{"a":"\\ud800"}',
    "beyond-the-bmp": "\U0001f600 \U0001d4b3 \U0010fffd",
    "composed-and-not": "\u00e9 e\u0301",
    "right-to-left": "\u202eabc\u202c \u05d0\u05d1",
    "a-number": "0123.4500",
    "a-big-integer": "123456789012345678901234567890",
    "sql": "'; DROP TABLE runs; --",
    "1-mib": "x" * 2**20,
    "1-mib-of-characters": "\U0001f600\u00e9ab" * 2**17,
}

each_body = pytest.mark.parametrize("body", list(BODIES.values()), ids=list(BODIES))


class LoadFacts:
    """Reading a run."""

    @pytest.mark.parametrize("lane", LANES)
    async def test_a_lane_comes_back_to_the_letter(self, store: Store, lane: str) -> None:
        """With a run that is loaded, and with one that is listed; a run that says nothing is in the lane `""`."""
        await applied(store, changes(runs=(run_row(lane=lane),)), changes(runs=(run_row("other"),)))
        assert (await store.load("run")).run == run_row(lane=lane)
        assert (await store.page_runs(RunQuery())).items == (run_row(lane=lane), run_row("other", lane=""))

    async def test_a_swap_changes_the_lane(self, store: Store) -> None:
        """As any other field; a hold leaves it alone."""
        await applied(store, changes(runs=(run_row(lane="a"),)), changes(runs=(run_row(version=2, lane="b"),)))
        await applied(store, changes(holds=(Hold("run", 2, T0),)))
        assert (await store.load("run")).run == run_row(version=2, lane="b", due_at=T0)

    async def test_what_is_not_there_is_empty(self, store: Store) -> None:
        """An id that was never used loads as nothing."""
        found = await store.load("nobody")
        assert (found.run, found.steps, found.approvals, found.head) == (None, (), (), None)
        assert await store.entries("nobody") == ()

    async def test_steps_come_in_the_order_of_recording(self, store: Store) -> None:
        """Over several commits and within each, whatever their keys."""
        keys = ("m", "z", "a", "10", "9", "B")
        await applied(store, changes(runs=(run_row(),), steps=tuple(step_row(key=key) for key in keys[:3])))
        for key in keys[3:]:
            await applied(store, changes(steps=(step_row(key=key),)))
        assert tuple(step.key for step in (await store.load("run")).steps) == keys

    async def test_approvals_come_in_the_order_of_asking(self, store: Store) -> None:
        """By `asked_at`, whatever their keys, also after one of them was decided."""
        asked = tuple(approval_row(key=key, asked_at=T0 + n) for n, key in enumerate(("m", "z", "a")))
        await applied(store, changes(approvals=asked[:2]), changes(approvals=asked[2:]))
        await applied(store, changes(approvals=(approval_row(key="m", version=2, open=False, asked_at=T0),)))
        assert [row.key for row in (await store.load("run")).approvals] == ["m", "z", "a"]
        assert [row.key for row in (await store.approvals("run")).approvals] == ["m", "z", "a"]

    async def test_entries_come_in_order(self, store: Store) -> None:
        """By number, not as text: the tenth comes after the ninth."""
        entries = tuple(entry_row(seq=seq) for seq in range(1, 13))
        await applied(store, changes(entries=entries))
        assert await store.entries("run") == entries

    async def test_head_is_the_last_entry(self, store: Store) -> None:
        """By number, not as text; in `load` and in `approvals`."""
        await applied(store, changes(entries=tuple(entry_row(seq=seq) for seq in range(1, 11))))
        assert (await store.load("run")).head == entry_row(seq=10)
        assert (await store.approvals("run")).head == entry_row(seq=10)

    async def test_load_gives_decided_approvals_too(self, store: Store) -> None:
        """Those that are no longer open still belong to their run."""
        decided = approval_row(open=False, ready=True)
        await applied(store, changes(approvals=(decided,)))
        assert (await store.load("run")).approvals == (decided,)

    async def test_approvals_leaves_out_run_and_steps(self, store: Store) -> None:
        """`approvals` gives the approvals alone, decided ones too."""
        rows = (approval_row(asked_at=T0), approval_row(key="cfo", open=False, ready=True, asked_at=T0 + 1))
        await applied(store, changes(runs=(run_row(),), steps=(step_row(),), approvals=rows))
        found = await store.approvals("run")
        assert (found.run, found.steps, found.approvals) == (None, (), rows)

    @each_body
    async def test_bodies_come_back_to_the_letter(self, store: Store, body: str) -> None:
        """A body is text: what was written is read, in every kind of row."""
        run, step, approval, notice, entry = (
            run_row(body=body),
            step_row(body=body),
            approval_row(body=body),
            notice_row(body=body),
            entry_row(body=body),
        )
        everything = changes(runs=(run,), steps=(step,), approvals=(approval,), notices=(notice,), entries=(entry,))
        await applied(store, everything)
        found = await store.load("run")
        assert (found.run, found.steps, found.approvals, found.head) == (run, (step,), (approval,), entry)
        assert await store.entries("run") == (entry,)
        assert await store.notices("run") == (notice,)

    @each_body
    async def test_swapped_bodies_come_back_to_the_letter(self, store: Store, body: str) -> None:
        """The same for rows that take the place of others."""
        await applied(store, changes(runs=(run_row(),), approvals=(approval_row(),), notices=(notice_row(),)))
        run, approval = run_row(version=2, body=body), approval_row(version=2, body=body)
        notice = notice_row(version=2, body=body)
        await applied(store, changes(runs=(run,), approvals=(approval,), notices=(notice,)))
        found = await store.load("run")
        assert (found.run, found.approvals) == (run, (approval,))
        assert await store.notices("run") == (notice,)

    async def test_many_steps_come_back(self, store: Store) -> None:
        """A thousand steps, recorded in one commit, are all loaded, in order."""
        steps = tuple(step_row(key=f"step#{n}", body=str(n)) for n in range(1000))
        await applied(store, changes(runs=(run_row(),), steps=steps))
        assert (await store.load("run")).steps == steps
