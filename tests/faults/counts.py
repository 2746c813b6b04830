"""How often each invariant is looked at, as the page on guarantees has it: a row for each, from what tests count by.

The page has the table that stands here, word for word, so neither can change without the other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

from awaitly.testing.store_machine import SHORT, WHOLE
from tests.adapters.postgres import test_schema as in_postgres
from tests.adapters.sqlite import test_schema as in_sqlite
from tests.faults import damage, test_rarely
from tests.faults import test_deciders as deciders
from tests.faults import test_fencing as fencing
from tests.faults import test_kills as kills
from tests.faults import test_kills_elsewhere as kills_elsewhere
from tests.faults import test_linearizable as histories
from tests.faults import test_lost_replies as replies
from tests.faults import test_outages as outages
from tests.faults import test_poison as poison
from tests.faults import test_poison_elsewhere as poison_elsewhere
from tests.faults import test_resumers as resumers
from tests.faults import test_skew as skew
from tests.faults import test_tellers as tellers
from tests.faults.lengths import ROUNDS, SEEDS, SENDS, SNAPSHOTS, TRAVELS
from tests.faults.lives import FAILPOINTS
from tests.faults.rarely import RARELY
from tests.faults.tellers import MOMENTS
from tests.faults.travels import WAVE
from tests.stores import test_contract_bites as bites
from tests.stores import test_postgres, test_redis, test_split, test_sqlite
from tests.unit import test_schedules as schedules

__all__ = ["ROWS", "Row", "table"]

ROOT = Path(__file__).parents[2]
_KILLS = len(FAILPOINTS)
_RARE = len(test_rarely.SIDES) * len(RARELY)


@frozen
class Row:
    """An invariant, how it is looked at each time and in the whole of a long run, and the tests that do so."""

    invariant: str
    short: str
    whole: str
    tests: tuple[Callable[..., object], ...]

    def links(self) -> Iterator[str]:
        """Name the tests as the page does, each with a link."""
        for test in self.tests:
            file = Path(inspect.getfile(test)).relative_to(ROOT)
            words = test.__name__.removeprefix("test_").replace("_", " ")
            yield f"[{words}](../../{file.as_posix()})"


ROWS = (
    Row(
        "An acknowledged decision survives, and a recorded step never runs again: processes are killed right before "
        "and after each write, at any moment, and within commits",
        f"SQLite: {len(kills.FEW)} lives at each of {_KILLS} places, {kills.ANY} at any moment, {kills.WITHIN} within "
        f"commits; elsewhere {len(kills_elsewhere.FEW)} places",
        f"{SEEDS:,} lives at each of {_KILLS} places, {SEEDS:,} at any moment, {SEEDS:,} within commits, in each store",
        (
            kills.test_a_kill_beside_a_write_loses_nothing,
            kills.test_many_kills_beside_a_write_lose_nothing,
            kills_elsewhere.test_many_kills_beside_a_write_lose_nothing_wherever_runs_are_kept,
            kills_elsewhere.test_many_kills_within_commits_lose_nothing_wherever_runs_are_kept,
        ),
    ),
    Row(
        "The same of what is rarely written: a settled call, a child's end, a signal, a retry, a fork, and more",
        f"SQLite: a kill at each of {_RARE} places; elsewhere at 4",
        f"{SEEDS:,} kills at each of {_RARE} places, in each store",
        (
            test_rarely.test_a_kill_beside_what_is_rarely_done_leaves_all_or_nothing,
            test_rarely.test_many_kills_beside_what_is_rarely_done_leave_all_or_nothing_wherever_runs_are_kept,
            test_rarely.test_a_process_is_killed_on_either_side_of_each_write,
        ),
    ),
    Row(
        f"One decision: of {deciders.CONTENDERS} contenders one wins, and {deciders.CONTENDERS - 1} are told who",
        f"{deciders.FEW} rounds of threads and of processes; elsewhere {deciders.FEWER} of threads",
        f"{ROUNDS:,} rounds of threads and of processes, in each store",
        (
            deciders.test_one_of_many_deciders_wins_each_time,
            deciders.test_one_of_many_deciders_wins_each_time_wherever_runs_are_kept,
        ),
    ),
    Row(
        f"One resume: of {resumers.RESUMERS} resumers one executes",
        f"{resumers.FEW} rounds of threads and of processes; elsewhere {resumers.FEWER} of threads",
        f"{ROUNDS:,} rounds of threads and of processes, in each store",
        (
            resumers.test_one_of_many_resumers_executes_each_time,
            resumers.test_one_of_many_resumers_executes_each_time_wherever_runs_are_kept,
        ),
    ),
    Row(
        "Fencing: who is stopped past a lease, and goes on after others did, writes nothing",
        f"SQLite: stopped at {len(fencing.CASES) + len(fencing.LATE)} places; elsewhere at one",
        f"stopped at {len(fencing.CASES) + len(fencing.EVERY_LATE)} places, in each store",
        (
            fencing.test_a_process_that_lost_its_lease_writes_nothing,
            fencing.test_no_zombie_writes_anything_wherever_runs_are_kept,
            fencing.test_whoever_is_stopped_comes_too_late_wherever_runs_are_kept,
        ),
    ),
    Row(
        "No notice is lost: who tells people is killed before and after the send",
        f"2 kills at each of {len(MOMENTS)} moments; elsewhere at 2 of them",
        f"{2 * tellers.LIVES * len(MOMENTS)} kills in each store ({SENDS} at least), and more between two places",
        (
            tellers.test_a_kill_beside_a_send_loses_no_notice,
            tellers.test_many_kills_beside_a_send_lose_no_notice,
            tellers.test_many_kills_beside_a_send_lose_no_notice_wherever_runs_are_kept,
            tellers.test_many_kills_between_two_places_repeat_neither_wherever_runs_are_kept,
        ),
    ),
    Row(
        "Each store equals its model over random histories",
        f"{SHORT[0]} histories of {SHORT[1]} moves; two stores as one {test_split.FEW}",
        f"{WHOLE[0]} histories of {WHOLE[1]} moves, in each store",
        (
            test_sqlite.test_the_sqlite_store_equals_the_model,
            test_postgres.test_the_postgres_store_equals_the_model,
            test_redis.test_the_redis_store_equals_the_model,
            test_split.test_a_split_store_equals_the_model,
        ),
    ),
    Row(
        "What contending processes are told fits one order",
        f"{histories.FEW} histories in memory, and over SQLite",
        f"{histories.HISTORIES} histories in each store",
        (
            histories.test_histories_of_processes_are_linearizable,
            histories.test_many_histories_are_linearizable_wherever_runs_are_kept,
        ),
    ),
    Row(
        "Outages lose nothing: Postgres and Redis are killed and started every few moments",
        f"{outages.FEW * WAVE} runs for each server, and for two stores",
        f"{-(-TRAVELS // WAVE) * WAVE:,} runs for each server, each cluster, and for two stores",
        (
            outages.test_restarts_of_postgres_lose_nothing,
            outages.test_kills_of_redis_lose_nothing,
            outages.test_kills_of_a_cluster_lose_nothing,
            outages.test_outages_of_either_half_lose_nothing,
        ),
    ),
    Row(
        "A reply that is lost right after the commit is asked for again, and nothing is written twice",
        f"one of each of {len(replies.MOVES)} writes, for each server and two stores",
        f"each of {len(replies.MOVES)} writes of {replies.LIVES} lives",
        (
            replies.test_a_reply_that_is_lost_is_asked_for_again,
            replies.test_many_replies_that_are_lost_are_asked_for_again,
        ),
    ),
    Row(
        "Poison: each damaged run is set aside, and its neighbours go on",
        f"SQLite: each kind of damage of each table, and {2 * damage.FEW} by chance; in memory one in "
        f"{poison_elsewhere.SOME}, elsewhere one in {poison_elsewhere.FEW}",
        f"each kind of damage of each table, and {2 * damage.CHANCES} by chance, in each store: {SNAPSHOTS:,} at least",
        (
            poison.test_a_damaged_run_is_set_aside,
            poison_elsewhere.test_each_damaged_run_is_set_aside_wherever_runs_are_kept,
            poison_elsewhere.test_a_long_run_damages_a_thousand_bodies,
        ),
    ),
    Row(
        "A migration stands whole or not at all, wherever it is killed, and whoever else is at it",
        f"killed at each statement, from each older schema on; {in_sqlite.MIGRATORS} processes at once on SQLite, "
        f"{in_postgres.MIGRATORS} on Postgres",
        "the same",
        (
            in_sqlite.test_a_kill_before_any_statement_leaves_whole_steps,
            in_sqlite.test_many_processes_upgrade_one_file,
            in_postgres.test_a_migration_that_dies_at_any_statement_can_be_repeated,
            in_postgres.test_eight_processes_migrate_at_once,
        ),
    ),
    Row(
        "Clocks: machines whose clocks are hours apart, days with a change of clocks, leap days",
        f"{max(skew.HOURS):.0f} hours ahead and behind; a life on Postgres; each day of a year in five zones",
        f"the same, and {skew.LIVES} lives twice for each server",
        (
            skew.test_the_servers_clock_decides_what_is_too_late,
            skew.test_many_lives_go_on_among_machines_whose_clocks_are_hours_apart,
            schedules.test_a_daily_tick_comes_once_on_each_day_of_a_year,
            schedules.test_a_time_that_exists_twice_comes_the_first_time,
            schedules.test_a_leap_day_is_a_day,
        ),
    ),
    Row(
        "Tests bite: a store without a comparison, or with another bug, fails them",
        "each planted bug fails its own tests of the contract; random histories find a sixth untold",
        "random histories find all that show in answers",
        (
            bites.test_the_contract_catches,
            bites.test_the_machine_catches,
            histories.test_histories_show_a_store_with_a_bug,
            deciders.test_the_contest_notices_two_winners,
        ),
    ),
)


def table() -> str:
    """Give the table, as the page is to have it."""
    rows = [f"| {row.invariant} | {row.short} | {row.whole} | {'; '.join(row.links())} |" for row in ROWS]
    return "\n".join(["| invariant | `make test` | `make faults SHARE=1` | by |", "| --- | --- | --- | --- |", *rows])
