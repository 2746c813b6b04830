"""What a commit does when all its conditions hold."""

# ruff: noqa: S101  (tests assert, and numbers are what a test is about)

from __future__ import annotations

import pytest
from attrs import evolve

from awaitly.storage.store import ApprovalQuery, Changes, Found, Hold, Move, NoticeQuery, RunRow, Store
from awaitly.testing.rows import T0, approval_row, changes, entry_row, notice_row, run_row, step_row
from awaitly.testing.store_contract.tools import applied, inserted, refused, whole, with_both

__all__ = ["CommitFacts"]

FAR = 253_402_300_799_999_999
"""The last microsecond of the year 9999: more than a double can hold."""


class CommitFacts:
    """Commits that are taken."""

    async def test_a_run_is_inserted(self, store: Store) -> None:
        """A run of version 1 is inserted, every field as given."""
        run = run_row(created_at=T0 + 1, updated_at=T0 + 2, due_at=T0 + 3, workflow="w", status="s", body='{"a":1}')
        await applied(store, changes(runs=(run,)))
        assert (await store.load("run")).run == run

    async def test_a_run_is_swapped(self, store: Store) -> None:
        """A run of version n + 1 takes the place of version n, every field as given."""
        new = run_row(version=2, workflow="w", status="done", updated_at=T0 + 9, due_at=None, body="[2]")
        await applied(store, changes(runs=(run_row(due_at=T0),)), changes(runs=(new,)))
        assert (await store.load("run")).run == new

    async def test_an_approval_is_inserted(self, store: Store) -> None:
        """An approval of version 1 is inserted, every field as given."""
        approval = approval_row(workflow="w", asked_at=T0 + 1, deadline=T0 + 2, body='{"a":1}')
        await applied(store, changes(approvals=(approval,)))
        assert (await store.load("run")).approvals == (approval,)

    async def test_an_approval_is_swapped(self, store: Store) -> None:
        """An approval of version n + 1 takes the place of version n, every field as given."""
        new = approval_row(version=2, workflow="w", open=False, ready=True, asked_at=T0 + 1, deadline=None, body="[2]")
        await applied(store, changes(approvals=(approval_row(deadline=T0),)), changes(approvals=(new,)))
        assert (await store.load("run")).approvals == (new,)

    async def test_a_step_is_recorded(self, store: Store) -> None:
        """A step is inserted as given."""
        await applied(store, changes(runs=(run_row(),), steps=(step_row(key="pay", body='{"a":1}'),)))
        assert (await store.load("run")).steps == (step_row(key="pay", body='{"a":1}'),)

    async def test_entries_are_appended(self, store: Store) -> None:
        """Several entries of one commit, and those of a later one, are all kept as given."""
        first, second, third = (entry_row(seq=seq, body=f'{{"n":{seq}}}') for seq in (1, 2, 3))
        await applied(store, changes(entries=(first, second)), changes(entries=(third,)))
        assert await store.entries("run") == (first, second, third)

    @pytest.mark.parametrize(
        ("row", "run"),
        [
            (changes(runs=(run_row(version=2),)), run_row(version=2)),
            (changes(holds=(Hold("run", 1, T0 + 5),)), run_row(due_at=T0 + 5)),
            (changes(), run_row()),
        ],
        ids=["swap", "hold", "neither"],
    )
    async def test_all_parts_of_a_commit_are_applied(self, store: Store, row: Changes, run: RunRow) -> None:
        """A commit that has every part applies each of them, whether it swaps the run, holds it or does neither."""
        await inserted(store, run_row(), step_row(key="old"), approval_row(), notice_row(), entry_row())
        beside = changes(
            dropped=(("run", "old"),),
            steps=(step_row(key="x"), step_row(key="y")),
            approvals=(approval_row(version=2, open=False), approval_row(key="cfo", asked_at=T0 + 1)),
            notices=(notice_row(version=2, due_at=None), notice_row(key="2 mail")),
            entries=(entry_row(seq=2), entry_row(seq=3)),
            redacted=(entry_row(body='"redacted"'),),
        )
        await applied(store, with_both(row, beside))
        found, entries, notices = (await whole(store, "run"))["run"]
        assert found.run == run
        assert found.steps == beside.steps
        assert found.approvals == beside.approvals
        assert notices == beside.notices
        assert entries == (*beside.redacted, *beside.entries)

    async def test_every_move_is_taken(self, store: Store) -> None:
        """A store does not look at `move`."""
        for move in Move:
            await applied(store, changes(move, runs=(run_row(move.value),)))
        assert [(await store.load(move.value)).run for move in Move] == [run_row(move.value) for move in Move]

    async def test_a_hold_alone_changes_nothing(self, store: Store) -> None:
        """A hold at the right version, without `due_at`, leaves the run as it is."""
        run = run_row(due_at=T0 + 5)
        await applied(store, changes(runs=(run,)), changes(holds=(Hold("run", 1),)))
        assert (await store.load("run")).run == run

    async def test_a_hold_renews_the_due_time(self, store: Store) -> None:
        """A hold with `due_at` replaces the run's `due_at` and nothing else, not its version."""
        run = run_row(due_at=T0 + 5)
        await applied(store, changes(runs=(run,)), changes(holds=(Hold("run", 1, T0 + 50),)))
        assert (await store.load("run")).run == evolve(run, due_at=T0 + 50)

    async def test_a_hold_gives_a_due_time_to_a_run_without(self, store: Store) -> None:
        """A hold with `due_at` sets it also where the run had none."""
        await applied(store, changes(runs=(run_row(due_at=None),)), changes(holds=(Hold("run", 1, T0),)))
        assert (await store.load("run")).run == run_row(due_at=T0)

    async def test_a_step_is_dropped(self, store: Store) -> None:
        """Only the named step of the named run is removed."""
        steps = (step_row("run", "a"), step_row("run", "b"), step_row("other", "a"))
        await inserted(store, run_row(), run_row("other"), *steps)
        await applied(store, changes(dropped=(("run", "a"),)))
        found = await whole(store, "run", "other")
        assert found["run"][0].steps == (step_row("run", "b"),)
        assert found["other"][0].steps == (step_row("other", "a"),)

    async def test_dropping_a_missing_step_is_no_conflict(self, store: Store) -> None:
        """To drop a step that is not there changes nothing and is taken."""
        await applied(store, changes(runs=(run_row(),), steps=(step_row(),)))
        await applied(store, changes(dropped=(("run", "missing"),)), changes(dropped=(("nobody", "pay"),)))
        assert (await store.load("run")).steps == (step_row(),)

    async def test_a_dropped_step_can_be_recorded_anew(self, store: Store) -> None:
        """In the same commit too, for drops come first; it is then the last recorded."""
        steps = (step_row(key="a", body='"old"'), step_row(key="b"))
        await applied(store, changes(runs=(run_row(),), steps=steps))
        await applied(store, changes(dropped=(("run", "a"),), steps=(step_row(key="a", body='"new"'),)))
        assert (await store.load("run")).steps == (step_row(key="b"), step_row(key="a", body='"new"'))

    async def test_forgotten_deletes_all_of_a_run(self, store: Store) -> None:
        """The run, its steps, its approvals, its notices and its ledger are gone."""
        await applied(
            store,
            changes(
                runs=(run_row(due_at=T0),),
                steps=(step_row(),),
                approvals=(approval_row(), approval_row(key="cfo", ready=True)),
                notices=(notice_row(), notice_row(key="2 mail", due_at=None, dead=True)),
                entries=(entry_row(), entry_row(seq=2)),
            ),
            changes(forgotten=(Hold("run", 1),)),
        )
        assert (await whole(store, "run"))["run"] == (Found(0, None, (), (), None), (), ())

    async def test_a_forgotten_id_can_be_used_again(self, store: Store) -> None:
        """After a run was forgotten its id starts anew: version 1, keys and entry numbers free."""
        everything = changes(
            runs=(run_row(),),
            steps=(step_row(),),
            approvals=(approval_row(),),
            notices=(notice_row(),),
            entries=(entry_row(),),
        )
        await applied(store, everything, changes(forgotten=(Hold("run", 1),)), everything)
        assert (await store.load("run")).run == run_row()

    @pytest.mark.parametrize("version", [1, 0], ids=["with-a-run", "without"])
    async def test_forgotten_deletes_what_comes_with_it(self, store: Store, version: int) -> None:
        """What the same commit inserts or swaps goes too: forgetting comes last."""
        await inserted(store, *(run_row(),) * version, step_row(), approval_row(), notice_row(), entry_row())
        await applied(
            store,
            changes(
                dropped=(("run", "pay"),),
                steps=(step_row(), step_row(key="next")),
                approvals=(approval_row(version=2, ready=True), approval_row(key="cfo")),
                notices=(notice_row(version=2, dead=True), notice_row(key="2 mail")),
                entries=(entry_row(seq=2),),
                forgotten=(Hold("run", version),),
            ),
        )
        assert (await whole(store, "run"))["run"] == (Found(0, None, (), (), None), (), ())
        assert (await store.page_approvals(ApprovalQuery())).items == ()
        assert (await store.page_notices(NoticeQuery())).items == ()

    async def test_forgotten_at_version_0_deletes_what_has_no_run(self, store: Store) -> None:
        """The approvals, steps, notices and entries under an id without a run are gone, from listings too."""
        await inserted(store, step_row(), approval_row(), approval_row(key="cfo", open=False), entry_row())
        await inserted(store, notice_row(), notice_row(key="2 mail", due_at=None, dead=True))
        await applied(store, changes(forgotten=(Hold("run", 0),)))
        assert (await whole(store, "run"))["run"] == (Found(0, None, (), (), None), (), ())
        assert (await store.page_approvals(ApprovalQuery())).items == ()
        assert (await store.page_notices(NoticeQuery())).items == ()

    async def test_forgotten_at_version_0_leaves_a_run(self, store: Store) -> None:
        """Where there is a run it is a conflict, and all of it stays."""
        await inserted(store, run_row(), step_row(), approval_row(), notice_row(), entry_row())
        before = await whole(store, "run")
        await refused(store, changes(forgotten=(Hold("run", 0),)))
        assert await whole(store, "run") == before

    async def test_forgetting_nothing_is_no_conflict(self, store: Store) -> None:
        """Version 0 is that of an id which was never used, or was forgotten before."""
        await applied(store, changes(forgotten=(Hold("nobody", 0),)))
        await inserted(store, run_row())
        await applied(store, changes(forgotten=(Hold("run", 1),)), changes(forgotten=(Hold("run", 0),)))

    async def test_an_id_forgotten_at_version_0_can_be_used_again(self, store: Store) -> None:
        """Its step keys, approvals, notices and entry numbers are free, for a run too."""
        rows = (step_row(), approval_row(), entry_row(), notice_row())
        await inserted(store, *rows)
        await applied(store, changes(forgotten=(Hold("run", 0),)))
        await inserted(store, run_row(), *rows)
        found = await store.load("run")
        assert (found.run, found.steps, found.approvals, found.head) == (
            run_row(),
            *((row,) for row in rows[:2]),
            rows[2],
        )
        assert await store.notices("run") == rows[3:]

    async def test_approvals_need_no_run(self, store: Store) -> None:
        """A ledger can be used alone: approvals and entries stand under an id that has no run."""
        await applied(store, changes(approvals=(approval_row("gate"),), entries=(entry_row("gate"),)))
        found = await store.load("gate")
        assert (found.run, found.approvals, found.head) == (None, (approval_row("gate"),), entry_row("gate"))

    async def test_times_keep_every_microsecond(self, store: Store) -> None:
        """Also those at the end of the year 9999, which a double cannot hold."""
        run = run_row(created_at=T0 + 1, updated_at=FAR, due_at=FAR - 1)
        approval = approval_row(asked_at=T0 + 3, deadline=FAR)
        await applied(store, changes(runs=(run,), approvals=(approval,), notices=(notice_row(due_at=FAR),)))
        found = await store.load("run")
        assert (found.run, found.approvals) == (run, (approval,))
        assert await store.notices("run") == (notice_row(due_at=FAR),)
