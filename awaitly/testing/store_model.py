"""What a store must answer, as five plain tables: the other side of every comparison in `StoreMachine`.

Written apart from `MemoryStore`: it first judges a commit as a whole, then applies it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from attrs import evolve

from awaitly.approvals.audit import Entry
from awaitly.storage.store import ApprovalQuery, ApprovalRow, Changes, NoticeQuery, NoticeRow, RunQuery, RunRow, StepRow

__all__ = ["StoreModel"]


class StoreModel:
    """Five tables, each a dictionary by its unique columns; a dictionary keeps the order of insertion."""

    def __init__(self) -> None:
        self.runs: dict[str, RunRow] = {}
        self.steps: dict[tuple[str, str], StepRow] = {}
        self.approvals: dict[tuple[str, str], ApprovalRow] = {}
        self.notices: dict[tuple[str, str], NoticeRow] = {}
        self.entries: dict[tuple[str, int], Entry] = {}

    def run_version(self, run_id: str) -> int:
        """Give a run's version, 0 where there is none."""
        return self.runs[run_id].version if run_id in self.runs else 0

    def approval_version(self, run_id: str, key: str) -> int:
        """Give an approval's version, 0 where there is none."""
        return self.approvals[run_id, key].version if (run_id, key) in self.approvals else 0

    def notice_version(self, run_id: str, key: str) -> int:
        """Give a notice's version, 0 where there is none."""
        return self.notices[run_id, key].version if (run_id, key) in self.notices else 0

    def last_seq(self, run_id: str) -> int:
        """Give the number of a run's last entry, 0 where there is none."""
        return max((seq for owner, seq in self.entries if owner == run_id), default=0)

    def commit(self, changes: Changes) -> bool:
        """Apply a commit that names its run's row, an approval and a notice once at most; give whether it was taken.

        All conditions are about what stood before, save that drops come ahead of steps, and entries ahead of those that
        are redacted; forgetting comes last.
        """
        if not all(self._conditions(changes)):
            return False
        self._apply(changes)
        return True

    def _conditions(self, changes: Changes) -> Iterator[bool]:
        for run in changes.runs:
            yield self.run_version(run.run_id) == run.version - 1
        for hold in changes.holds:
            yield hold.run_id in self.runs and self.runs[hold.run_id].version == hold.version
        for hold in changes.forgotten:
            yield self.run_version(hold.run_id) == hold.version
        for approval in changes.approvals:
            yield self.approval_version(approval.run_id, approval.key) == approval.version - 1
        for notice in changes.notices:
            yield self.notice_version(notice.run_id, notice.key) == notice.version - 1
        steps = [(step.run_id, step.key) for step in changes.steps]
        yield len(steps) == len(set(steps))
        yield not set(steps) & (self.steps.keys() - set(changes.dropped))
        entries = [(entry.run_id, entry.seq) for entry in changes.entries]
        yield len(entries) == len(set(entries))
        yield not set(entries) & self.entries.keys()
        hashes = {place: entry.hash for place, entry in self.entries.items()}
        hashes |= {(entry.run_id, entry.seq): entry.hash for entry in changes.entries}
        for entry in changes.redacted:
            yield hashes.get((entry.run_id, entry.seq)) == entry.hash

    def _apply(self, changes: Changes) -> None:
        self.runs.update({run.run_id: run for run in changes.runs})
        for hold in changes.holds:
            if hold.due_at is not None:
                self.runs[hold.run_id] = evolve(self.runs[hold.run_id], due_at=hold.due_at)
        for place in changes.dropped:
            self.steps.pop(place, None)
        self.steps.update({(step.run_id, step.key): step for step in changes.steps})
        self.approvals.update({(approval.run_id, approval.key): approval for approval in changes.approvals})
        self.notices.update({(notice.run_id, notice.key): notice for notice in changes.notices})
        for entry in (*changes.entries, *changes.redacted):
            self.entries[entry.run_id, entry.seq] = entry
        self._forget({hold.run_id for hold in changes.forgotten})

    def _forget(self, gone: set[str]) -> None:
        self.runs = {run_id: row for run_id, row in self.runs.items() if run_id not in gone}
        self.steps = {place: row for place, row in self.steps.items() if place[0] not in gone}
        self.approvals = {place: row for place, row in self.approvals.items() if place[0] not in gone}
        self.notices = {place: row for place, row in self.notices.items() if place[0] not in gone}
        self.entries = {place: row for place, row in self.entries.items() if place[0] not in gone}

    def steps_of(self, run_id: str) -> tuple[StepRow, ...]:
        """Give a run's steps in the order of recording."""
        return tuple(step for step in self.steps.values() if step.run_id == run_id)

    def approvals_of(self, run_id: str) -> set[ApprovalRow]:
        """Give a run's approvals; which of two of the same moment comes first is not laid down."""
        return {approval for approval in self.approvals.values() if approval.run_id == run_id}

    def entries_of(self, run_id: str) -> tuple[Entry, ...]:
        """Give a run's ledger in order."""
        return tuple(sorted((e for e in self.entries.values() if e.run_id == run_id), key=lambda entry: entry.seq))

    def notices_of(self, run_id: str) -> tuple[NoticeRow, ...]:
        """Give a run's notices by key."""
        return tuple(row for _, row in sorted(self.notices.items()) if row.run_id == run_id)

    def due_notices(self, now: int, channel: str) -> tuple[NoticeRow, ...]:
        """Give all notices of a channel that are to be sent."""
        rows = {(at, *place): row for place, row in self.notices.items() if (at := _time(row, channel)) <= now}
        return tuple(rows[place] for place in sorted(rows))

    def next_notice(self, now: int, channel: str) -> int | None:
        """Give the first time to come at which a notice of a channel is to be sent."""
        times = sorted({_time(row, channel) for row in self.notices.values()} - {inf})
        return next((int(at) for at in times if at > now), None)

    def list_notices(self, query: NoticeQuery, last: NoticeRow | None) -> tuple[NoticeRow, ...]:
        """Give the notices that a query lists behind `last`; its limit and its `after` do not count."""
        rows = [row for place, row in sorted(self.notices.items()) if last is None or place > (last.run_id, last.key)]
        if query.run_id is not None:
            rows = [row for row in rows if row.run_id == query.run_id]
        if query.channel is not None:
            rows = [row for row in rows if row.channel == query.channel]
        return tuple(row for row in rows if row.dead)

    def due(self, now: int, lanes: Sequence[str] | None) -> tuple[str, ...]:
        """Name all runs that are due: of any lane, or of each of these in turn."""
        if lanes is None:
            return self._due(now, self.runs)
        return tuple(run_id for lane in lanes for run_id in self._due(now, self._in_lane(lane)))

    def _due(self, now: int, runs: dict[str, RunRow]) -> tuple[str, ...]:
        """Name those of some runs that are due: by their time in its order, then by a decision alone by id."""
        times = {row.run_id: row.due_at for row in runs.values() if row.due_at is not None and row.due_at <= now}
        decided = {row.run_id for row in self.approvals.values() if row.ready} & runs.keys()
        return (*sorted(times, key=lambda run_id: (times[run_id], run_id)), *sorted(decided - times.keys()))

    def _in_lane(self, lane: str) -> dict[str, RunRow]:
        return {run_id: row for run_id, row in self.runs.items() if row.lane == lane}

    def next_due(self, now: int, lanes: Sequence[str] | None) -> int | None:
        """Give the first time to come, of any run, or of any in one of these lanes."""
        times = sorted(
            row.due_at
            for row in self.runs.values()
            if row.due_at is not None and not row.due_at <= now and (lanes is None or {row.lane} & set(lanes))
        )
        return times[0] if times else None

    def list_runs(self, query: RunQuery, last: RunRow | None) -> tuple[RunRow, ...]:
        """Give the runs that a query lists behind `last`; its limit and its `after` do not count."""
        rows = sorted(self.runs.values(), key=lambda row: (row.created_at, row.run_id), reverse=True)
        if last is not None:
            rows = [row for row in rows if (row.created_at, row.run_id) < (last.created_at, last.run_id)]
        if query.prefix is not None:
            rows = [row for row in rows if row.run_id[: len(query.prefix)] == query.prefix]
        if query.workflow is not None:
            rows = [row for row in rows if row.workflow == query.workflow]
        if query.statuses is not None:
            rows = [row for row in rows if row.status in set(query.statuses)]
        if query.updated_before is not None:
            rows = [row for row in rows if not row.updated_at >= query.updated_before]
        return tuple(rows)

    def list_approvals(self, query: ApprovalQuery, last: ApprovalRow | None) -> tuple[ApprovalRow, ...]:
        """Give the approvals that a query lists behind `last`; its limit and its `after` do not count."""
        place = _by_asking if query.audience is None else _by_deadline
        rows = sorted((row for row in self.approvals.values() if row.open), key=place)
        if last is not None:
            rows = [row for row in rows if place(row) > place(last)]
        if query.audience is not None:
            rows = [row for row in rows if any(name in row.audience for name in query.audience)]
        if query.run_id is not None:
            rows = [row for row in rows if row.run_id == query.run_id]
        if query.prefix is not None:
            rows = [row for row in rows if row.run_id[: len(query.prefix)] == query.prefix]
        if query.workflow is not None:
            rows = [row for row in rows if row.workflow == query.workflow]
        if query.asked_before is not None:
            rows = [row for row in rows if not row.asked_at >= query.asked_before]
        return tuple(row for row in rows if _deadline_passes(query, row.deadline))


def _time(row: NoticeRow, channel: str) -> float:
    return row.due_at if row.due_at is not None and row.channel == channel else inf


def _by_asking(row: ApprovalRow) -> tuple[float, str, str]:
    return row.asked_at, row.run_id, row.key


def _by_deadline(row: ApprovalRow) -> tuple[float, str, str]:
    return inf if row.deadline is None else row.deadline, row.run_id, row.key


def _deadline_passes(query: ApprovalQuery, deadline: int | None) -> bool:
    if query.alive_at is not None and deadline is not None and deadline <= query.alive_at:
        return False
    return query.deadline_before is None or (deadline is not None and deadline < query.deadline_before)
