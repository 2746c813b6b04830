"""Bugs in commits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from attrs import evolve

from awaitly.result import Err, Ok, Result
from awaitly.storage.store import ApprovalRow, Changes, Conflict, Hold, Move, Store
from awaitly.testing.rows import PARTS
from tests.stores.planted.bug import Around, Bug

REFUSED = Err(Conflict("run", "no"))


def one_by_one(changes: Changes) -> Iterator[Changes]:
    """Take a commit to pieces, a row each."""
    for part in PARTS:
        for row in getattr(changes, part):
            alone: dict[str, Any] = {part: (row,)}
            yield Changes(move=changes.move, **alone)


def on_swap(changes: Changes, **fields: Any) -> Changes:
    """Spoil what takes the place of other rows."""
    runs = tuple(evolve(row, **fields) if row.version > 1 else row for row in changes.runs)
    approvals = tuple(evolve(row, **fields) if row.version > 1 else row for row in changes.approvals)
    return evolve(changes, runs=runs, approvals=approvals)


def on_insert(changes: Changes, **fields: Any) -> Changes:
    """Spoil new rows."""
    runs = tuple(evolve(row, **fields) if row.version == 1 else row for row in changes.runs)
    approvals = tuple(evolve(row, **fields) if row.version == 1 else row for row in changes.approvals)
    return evolve(changes, runs=runs, approvals=approvals)


def stripped(changes: Changes) -> Changes:
    """Trim all bodies."""
    return evolve(
        changes,
        runs=tuple(evolve(row, body=row.body.strip()) for row in changes.runs),
        steps=tuple(evolve(row, body=row.body.strip()) for row in changes.steps),
        approvals=tuple(evolve(row, body=row.body.strip()) for row in changes.approvals),
        entries=tuple(evolve(row, body=row.body.strip()) for row in changes.entries),
        notices=tuple(evolve(row, body=row.body.strip()) for row in changes.notices),
        redacted=tuple(evolve(row, body=row.body.strip()) for row in changes.redacted),
    )


def rough(moment: int | None) -> int | None:
    """Keep a time as a double does."""
    return None if moment is None else int(float(moment))


def approximate(changes: Changes) -> Changes:
    """Keep times as doubles do."""
    runs = (evolve(row, updated_at=int(float(row.updated_at)), due_at=rough(row.due_at)) for row in changes.runs)
    approvals = (evolve(row, deadline=rough(row.deadline)) for row in changes.approvals)
    return evolve(changes, runs=tuple(runs), approvals=tuple(approvals))


def renewing_always(changes: Changes) -> Changes:
    """Take a hold without a time for one with the time 0."""
    return evolve(changes, holds=tuple(evolve(hold, due_at=hold.due_at or 0) for hold in changes.holds))


def never_renewing(changes: Changes) -> Changes:
    """Take a hold for its condition alone."""
    return evolve(changes, holds=tuple(evolve(hold, due_at=None) for hold in changes.holds))


def without_repeats(changes: Changes) -> Changes:
    """Let the last of several rows of one place win."""
    steps = {(step.run_id, step.key): step for step in changes.steps}
    entries = {(entry.run_id, entry.seq): entry for entry in changes.entries}
    return evolve(changes, steps=tuple(steps.values()), entries=tuple(entries.values()))


def folded(changes: Changes) -> Changes:
    """Fold the case of keys."""
    return evolve(
        changes,
        steps=tuple(evolve(step, key=step.key.lower()) for step in changes.steps),
        approvals=tuple(evolve(row, key=row.key.lower()) for row in changes.approvals),
    )


def without_forgetting_alone(changes: Changes) -> Changes:
    """Leave out what names no version of a run."""
    return evolve(changes, forgotten=tuple(hold for hold in changes.forgotten if hold.version))


def anew(changes: Changes) -> Changes:
    """Make insertions of swaps, and forget nothing."""
    return evolve(changes, approvals=tuple(evolve(row, version=1) for row in changes.approvals), forgotten=())


async def version_of(store: Store, run_id: str) -> int:
    """Read a run's version, 0 where there is none."""
    run = (await store.load(run_id)).run
    return run.version if run else 0


class IgnoresVersions(Around):
    """Swaps whatever stands there."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Give each row the version that fits."""
        runs = [evolve(row, version=await version_of(self, row.run_id) + 1) for row in changes.runs]
        approvals = [evolve(row, version=await self._approval_version(row) + 1) for row in changes.approvals]
        return await super().commit(evolve(changes, runs=tuple(runs), approvals=tuple(approvals)))

    async def _approval_version(self, row: ApprovalRow) -> int:
        return max(
            (found.version for found in (await self.load(row.run_id)).approvals if found.key == row.key), default=0
        )


class PretendsOk(Around):
    """Says that a commit was made which was not."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Lose the conflict."""
        await super().commit(changes)
        return Ok(None)


class StopsHalfway(Around):
    """Commits row by row, up to the first conflict."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Leave what was made."""
        for piece in one_by_one(changes):
            result = await super().commit(piece)
            if isinstance(result, Err):
                return result
        return Ok(None)


class GoesOnAfterConflict(Around):
    """Commits row by row, whatever happens to each."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Leave what was made before and after."""
        results = [await super(GoesOnAfterConflict, self).commit(piece) for piece in one_by_one(changes)]
        return next((result for result in results if isinstance(result, Err)), Ok(None))


class StuckAfterConflict(Around):
    """Forgets to roll back: nothing goes any more."""

    stuck = False

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse everything after a conflict."""
        result = REFUSED if self.stuck else await super().commit(changes)
        self.stuck = self.stuck or isinstance(result, Err)
        return result


class NamesTheFirstRun(Around):
    """Blames the wrong run: keeps the first conflict for all those of a batch."""

    first: Err[Conflict] | None = None

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Name the run that was refused first."""
        result = await super().commit(changes)
        if isinstance(result, Err):
            self.first = self.first or result
            return self.first
        return result


class LastWriteWins(Around):
    """Overwrites steps; keeps quiet about entries that exist."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Make room for each step."""
        places = tuple((step.run_id, step.key) for step in changes.steps)
        known = {(entry.run_id, entry.seq) for run_id in self.ids for entry in await self.entries(run_id)}
        entries = tuple(entry for entry in changes.entries if (entry.run_id, entry.seq) not in known)
        return await super().commit(evolve(changes, dropped=changes.dropped + places, entries=entries))


class LaterEntriesUnchecked(Around):
    """Checks only the first entry of a commit."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Leave out later ones that exist."""
        known = {(entry.run_id, entry.seq) for run_id in self.ids for entry in await self.entries(run_id)}
        later = tuple(entry for entry in changes.entries[1:] if (entry.run_id, entry.seq) not in known)
        return await super().commit(evolve(changes, entries=changes.entries[:1] + later))


class DropsAllSteps(Around):
    """Deletes by run alone."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Drop all steps of each run of which one is dropped."""
        found = [await self.load(run_id) for run_id in {run_id for run_id, _ in changes.dropped}]
        dropped = tuple((step.run_id, step.key) for each in found for step in each.steps)
        return await super().commit(evolve(changes, dropped=dropped))


class MissingDropIsConflict(Around):
    """Wants to have deleted something."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse to drop what is not there."""
        for run_id, key in changes.dropped:
            if key not in {step.key for step in (await self.load(run_id)).steps}:
                return Err(Conflict(run_id, "nothing to drop"))
        return await super().commit(changes)


class DropsLast(Around):
    """Inserts steps first and drops steps then."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit twice."""
        result = await super().commit(evolve(changes, dropped=()))
        return (
            result
            if isinstance(result, Err)
            else await super().commit(Changes(move=changes.move, dropped=changes.dropped))
        )


class ForgetsCaseBlind(Around):
    """Deletes runs whose id looks alike."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Forget neighbours too."""
        names = {hold.run_id.lower() for hold in changes.forgotten}
        alike = [Hold(name, await version_of(self, name)) for name in self.ids if name.lower() in names]
        named = [hold for hold in changes.forgotten if hold not in alike]
        return await super().commit(evolve(changes, forgotten=(*alike, *named)))


class ForgetsFirst(Around):
    """Deletes before it inserts."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Commit twice."""
        result = await super().commit(Changes(move=changes.move, forgotten=changes.forgotten))
        return (
            result if isinstance(result, Err) else await super().commit(anew(changes) if changes.forgotten else changes)
        )


class ForgettingNeedsARun(Around):
    """Deletes no run that is not there."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse version 0."""
        if any(hold.version == 0 for hold in changes.forgotten):
            return REFUSED
        return await super().commit(changes)


class ForgetsAnyVersion(Around):
    """Takes version 0 for any version."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Fill in the version that fits."""
        forgotten = [
            evolve(hold, version=hold.version or await version_of(self, hold.run_id)) for hold in changes.forgotten
        ]
        return await super().commit(evolve(changes, forgotten=tuple(forgotten)))


class ApprovalsNeedARun(Around):
    """Has a foreign key too many."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse approvals of no run."""
        for row in changes.approvals:
            if (await self.load(row.run_id)).run is None and row.run_id not in {run.run_id for run in changes.runs}:
                return Err(Conflict(row.run_id, "no such run"))
        return await super().commit(changes)


class SharesKeys(Around):
    """Has unique columns too few: keys and numbers are those of the whole store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.taken: dict[object, str] = {}

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse what another run has."""
        for place, run_id in [
            *((("step", step.key), step.run_id) for step in changes.steps),
            *((("entry", entry.seq), entry.run_id) for entry in changes.entries),
            *((("approval", row.key), row.run_id) for row in changes.approvals),
            *((("notice", row.key), row.run_id) for row in changes.notices),
        ]:
            if self.taken.setdefault(place, run_id) != run_id:
                return Err(Conflict(run_id, "taken"))
        return await super().commit(changes)


class JoinsRunAndKey(Around):
    """Makes one text of run and key."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.taken: dict[str, str] = {}

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse what reads alike."""
        steps = [(step.run_id, step.key) for step in changes.steps]
        for run_id, key in [*steps, *((row.run_id, row.key) for row in changes.approvals)]:
            if self.taken.setdefault(f"{run_id}:{key}", run_id) != run_id:
                return Err(Conflict(run_id, "taken"))
        return await super().commit(changes)


class DecidesEverywhere(Around):
    """Swaps an approval by its key alone."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Close the other runs' approvals too."""
        swapped = {row.key: row for row in changes.approvals if row.version > 1}
        others = [a for found in await self.everything() for a in found.approvals if a.key in swapped]
        known = {(row.run_id, row.key) for row in changes.approvals}
        more = tuple(evolve(a, version=a.version + 1, open=False) for a in others if (a.run_id, a.key) not in known)
        return await super().commit(evolve(changes, approvals=changes.approvals + more))


class LosesCommitsInFlight(Around):
    """Has room for one commit at a time, and does not say so."""

    busy = False

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Answer at once where another commit is under way."""
        if self.busy:
            return Ok(None)
        self.busy = True
        try:
            return await super().commit(changes)
        finally:
            self.busy = False


class BatchesShareAConflict(Around):
    """Answers all commits of one batch alike."""

    spoilt = False

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse those beside a conflict."""
        result = await super().commit(changes)
        self.spoilt = self.spoilt or isinstance(result, Err)
        await asyncio.sleep(0)
        return REFUSED if self.spoilt else result


class HalfWhenCancelled(Around):
    """Makes a commit in two turns."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """The runs first."""
        result = await super().commit(Changes(move=changes.move, runs=changes.runs))
        if isinstance(result, Err):
            return result
        return await super().commit(evolve(changes, runs=()))


COMMIT_BUGS = {
    "versions are ignored": Bug(
        around=IgnoresVersions,
        caught_by=(
            "test_a_broken_condition_is_a_conflict",
            "test_a_swap_for_the_same_version_is_a_conflict",
            "test_an_approval_for_the_same_version_is_a_conflict",
        ),
    ),
    "a conflict is answered with Ok": Bug(
        around=PretendsOk,
        caught_by=(
            "test_a_broken_condition_is_a_conflict",
            "test_the_same_step_again_is_a_conflict",
            "test_one_of_many_inserts_wins",
            "test_one_of_many_swaps_wins",
            "test_one_of_many_records_of_a_step_wins",
            "test_one_of_many_decisions_wins",
            "test_one_of_many_takes_a_notice",
        ),
    ),
    "a conflict leaves what came before it": Bug(
        around=StopsHalfway, caught_by=("test_a_conflict_after_good_parts_leaves_everything",)
    ),
    "a conflict leaves what comes after it": Bug(
        around=GoesOnAfterConflict,
        caught_by=(
            "test_a_conflict_before_good_parts_leaves_everything",
            "test_a_conflict_after_good_parts_leaves_everything",
        ),
    ),
    "a conflict blocks the store": Bug(around=StuckAfterConflict, caught_by=("test_a_store_goes_on_after_a_conflict",)),
    "a conflict names no run": Bug(
        answer=lambda result: Err(evolve(result.failure(), run_id="")) if isinstance(result, Err) else result,
        caught_by=("test_a_broken_condition_is_a_conflict",),
    ),
    "a conflict names the run of another": Bug(
        around=NamesTheFirstRun, caught_by=("test_conflicts_made_at_once_name_their_own_runs",)
    ),
    "a conflict says nothing": Bug(
        answer=lambda result: Err(evolve(result.failure(), what="")) if isinstance(result, Err) else result,
        caught_by=("test_a_broken_condition_is_a_conflict",),
    ),
    "the last write wins": Bug(
        around=LastWriteWins, caught_by=("test_a_recorded_step_stays", "test_a_recorded_entry_stays")
    ),
    "later entries are not checked": Bug(
        around=LaterEntriesUnchecked, caught_by=("test_the_second_entry_of_a_commit_counts_too",)
    ),
    "repeats within a commit are merged": Bug(
        commit=without_repeats,
        caught_by=("test_a_step_twice_in_one_commit_is_a_conflict", "test_an_entry_twice_in_one_commit_is_a_conflict"),
    ),
    "holds are ignored": Bug(
        commit=lambda changes: evolve(changes, holds=()),
        caught_by=(
            "test_a_broken_condition_is_a_conflict",
            "test_a_hold_at_an_old_version_is_a_conflict",
            "test_a_hold_renews_the_due_time",
        ),
    ),
    "holds do not renew": Bug(
        commit=never_renewing,
        caught_by=(
            "test_a_hold_renews_the_due_time",
            "test_a_hold_gives_a_due_time_to_a_run_without",
            "test_a_renewing_hold_puts_a_run_off",
        ),
    ),
    "every hold renews": Bug(commit=renewing_always, caught_by=("test_a_hold_alone_changes_nothing",)),
    "new rows lose a field": Bug(
        commit=lambda changes: on_insert(changes, workflow="refund"),
        caught_by=("test_a_run_is_inserted", "test_an_approval_is_inserted"),
    ),
    "swapped rows keep a field": Bug(
        commit=lambda changes: on_swap(changes, workflow="refund"),
        caught_by=("test_a_run_is_swapped", "test_an_approval_is_swapped"),
    ),
    "the second entry is lost": Bug(
        commit=lambda changes: evolve(changes, entries=changes.entries[:1]),
        caught_by=("test_entries_are_appended", "test_all_parts_of_a_commit_are_applied"),
    ),
    "steps are lost": Bug(
        commit=lambda changes: evolve(changes, steps=()),
        caught_by=("test_a_step_is_recorded", "test_all_parts_of_a_commit_are_applied"),
    ),
    "bodies are trimmed": Bug(
        commit=stripped,
        caught_by=("test_bodies_come_back_to_the_letter", "test_redacted_bodies_come_back_to_the_letter"),
    ),
    "swapped bodies are lost": Bug(
        commit=lambda changes: on_swap(changes, body="{}"),
        caught_by=("test_swapped_bodies_come_back_to_the_letter",),
    ),
    "times are doubles": Bug(commit=approximate, caught_by=("test_times_keep_every_microsecond",)),
    "a move is unknown": Bug(
        commit=lambda changes: evolve(changes, runs=()) if changes.move is Move.CLEANUP else changes,
        caught_by=("test_every_move_is_taken",),
    ),
    "a drop takes all steps": Bug(around=DropsAllSteps, caught_by=("test_a_step_is_dropped",)),
    "a missing drop is a conflict": Bug(
        around=MissingDropIsConflict, caught_by=("test_dropping_a_missing_step_is_no_conflict",)
    ),
    "drops come last": Bug(around=DropsLast, caught_by=("test_a_dropped_step_can_be_recorded_anew",)),
    "nothing is forgotten": Bug(
        commit=lambda changes: evolve(changes, holds=changes.holds + changes.forgotten, forgotten=()),
        caught_by=(
            "test_forgotten_deletes_all_of_a_run",
            "test_a_forgotten_id_can_be_used_again",
            "test_a_forgotten_run_is_not_due",
        ),
    ),
    "neighbours are forgotten": Bug(
        around=ForgetsCaseBlind,
        caught_by=("test_forgotten_leaves_alike_ids_alone", "test_forgotten_without_a_run_leaves_alike_ids_alone"),
    ),
    "forgetting comes first": Bug(around=ForgetsFirst, caught_by=("test_forgotten_deletes_what_comes_with_it",)),
    "forgetting alone does nothing": Bug(
        commit=without_forgetting_alone,
        caught_by=(
            "test_forgotten_at_version_0_deletes_what_has_no_run",
            "test_an_id_forgotten_at_version_0_can_be_used_again",
        ),
    ),
    "forgetting needs a run": Bug(
        around=ForgettingNeedsARun,
        caught_by=("test_forgetting_nothing_is_no_conflict", "test_forgotten_deletes_what_comes_with_it"),
    ),
    "forgetting at version 0 takes any run": Bug(
        around=ForgetsAnyVersion,
        caught_by=("test_forgotten_at_version_0_leaves_a_run", "test_a_broken_condition_is_a_conflict"),
    ),
    "approvals need a run": Bug(around=ApprovalsNeedARun, caught_by=("test_approvals_need_no_run",)),
    "keys are shared by all runs": Bug(
        around=SharesKeys,
        caught_by=(
            "test_the_same_approval_key_in_two_runs_is_two_approvals",
            "test_the_same_notice_key_in_two_runs_is_two_notices",
            "test_the_same_step_key_in_two_runs_is_two_steps",
            "test_each_run_has_its_own_ledger",
        ),
    ),
    "a decision is everywhere": Bug(
        around=DecidesEverywhere, caught_by=("test_the_same_approval_key_in_two_runs_is_two_approvals",)
    ),
    "run and key are one text": Bug(around=JoinsRunAndKey, caught_by=("test_run_and_key_are_not_run_together",)),
    "keys are folded": Bug(commit=folded, caught_by=("test_alike_keys_are_different",)),
    "commits in flight are lost": Bug(
        around=LosesCommitsInFlight, caught_by=("test_commits_of_different_runs_all_apply",)
    ),
    "a batch shares its conflict": Bug(
        around=BatchesShareAConflict, caught_by=("test_a_conflict_does_not_spoil_commits_beside_it",)
    ),
    "a cancelled commit is half made": Bug(
        around=HalfWhenCancelled, caught_by=("test_a_cancelled_commit_is_not_half_made",)
    ),
}
