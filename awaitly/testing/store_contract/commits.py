"""What a commit does when all its conditions hold."""

# ruff: noqa: S101  (tests assert, and numbers are what a test is about)

from __future__ import annotations

from attrs import evolve

from awaitly.store import Hold, Move, Store
from awaitly.testing.rows import T0, approval_row, changes, entry_row, run_row, step_row
from awaitly.testing.store_contract.tools import applied, whole

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

    async def test_all_parts_of_a_commit_are_applied(self, store: Store) -> None:
        """A commit that has every part applies each of them, over several runs."""
        await applied(
            store,
            changes(runs=(run_row("a"), run_row("b"), run_row("c")), steps=(step_row("a", "old"),)),
            changes(
                runs=(run_row("a", 2), run_row("d")),
                holds=(Hold("b", 1, T0 + 5),),
                dropped=(("a", "old"),),
                steps=(step_row("a", "x"), step_row("d", "y")),
                approvals=(approval_row("a"), approval_row("a", "cfo"), approval_row("d")),
                entries=(entry_row("a"), entry_row("a", 2), entry_row("d")),
                forgotten=(Hold("c", 1),),
            ),
        )
        found = await whole(store, "a", "b", "c", "d")
        assert found["a"][0].run == run_row("a", 2)
        assert found["a"][0].steps == (step_row("a", "x"),)
        assert {row.key for row in found["a"][0].approvals} == {"manager", "cfo"}
        assert found["a"][1] == (entry_row("a"), entry_row("a", 2))
        assert found["b"][0].run == run_row("b", due_at=T0 + 5)
        assert found["c"][0].run is None
        assert found["d"][0].run == run_row("d")
        assert found["d"][0].steps == (step_row("d", "y"),)
        assert found["d"][0].approvals == (approval_row("d"),)
        assert found["d"][1] == (entry_row("d"),)

    async def test_an_empty_commit_is_taken(self, store: Store) -> None:
        """A commit without any change is no conflict."""
        await applied(store, changes())

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
        await applied(store, changes(runs=(run_row(), run_row("other")), steps=steps))
        await applied(store, changes(dropped=(("run", "a"),)))
        found = await whole(store, "run", "other")
        assert found["run"][0].steps == (step_row("run", "b"),)
        assert found["other"][0].steps == (step_row("other", "a"),)

    async def test_dropping_a_missing_step_is_no_conflict(self, store: Store) -> None:
        """To drop a step that is not there changes nothing and is taken."""
        await applied(store, changes(runs=(run_row(),), steps=(step_row(),)))
        await applied(store, changes(dropped=(("run", "missing"), ("nobody", "pay"))))
        assert (await store.load("run")).steps == (step_row(),)

    async def test_a_dropped_step_can_be_recorded_anew(self, store: Store) -> None:
        """In the same commit too, for drops come first; it is then the last recorded."""
        steps = (step_row(key="a", body='"old"'), step_row(key="b"))
        await applied(store, changes(runs=(run_row(),), steps=steps))
        await applied(store, changes(dropped=(("run", "a"),), steps=(step_row(key="a", body='"new"'),)))
        assert (await store.load("run")).steps == (step_row(key="b"), step_row(key="a", body='"new"'))

    async def test_forgotten_deletes_all_of_a_run(self, store: Store) -> None:
        """The run, its steps, its approvals and its ledger are gone, from listings too."""
        await applied(
            store,
            changes(
                runs=(run_row(due_at=T0),),
                steps=(step_row(),),
                approvals=(approval_row(), approval_row(key="cfo", ready=True)),
                entries=(entry_row(), entry_row(seq=2)),
            ),
            changes(forgotten=(Hold("run", 1),)),
        )
        found, entries = (await whole(store, "run"))["run"]
        assert (found.run, found.steps, found.approvals, found.head, entries) == (None, (), (), None, ())

    async def test_a_forgotten_id_can_be_used_again(self, store: Store) -> None:
        """After a run was forgotten its id starts anew: version 1, step keys and entry numbers free."""
        everything = changes(
            runs=(run_row(),), steps=(step_row(),), approvals=(approval_row(),), entries=(entry_row(),)
        )
        await applied(store, everything, changes(forgotten=(Hold("run", 1),)), everything)
        assert (await store.load("run")).run == run_row()

    async def test_approvals_need_no_run(self, store: Store) -> None:
        """A ledger can be used alone: approvals and entries stand under an id that has no run."""
        await applied(store, changes(approvals=(approval_row("gate"),), entries=(entry_row("gate"),)))
        found = await store.load("gate")
        assert (found.run, found.approvals, found.head) == (None, (approval_row("gate"),), entry_row("gate"))

    async def test_times_keep_every_microsecond(self, store: Store) -> None:
        """Also those at the end of the year 9999, which a double cannot hold."""
        run = run_row(created_at=T0 + 1, updated_at=FAR, due_at=FAR - 1)
        approval = approval_row(asked_at=T0 + 3, deadline=FAR)
        await applied(store, changes(runs=(run,), approvals=(approval,)))
        found = await store.load("run")
        assert (found.run, found.approvals) == (run, (approval,))
