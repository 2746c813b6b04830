"""Schedules: one row each, which says when the next run is, and moves on from tick to tick. Pure.

The row stands among the runs under an id of its own and with a status of its own, so no move of a run applies to it.
The run of a tick is made of it when the tick has come; its id is made of the schedule's name and the tick's time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from awaitly.actors import Actor
from awaitly.changing import changed
from awaitly.exceptions import DefinitionError
from awaitly.ids import SCHEDULES, checked_name
from awaitly.statuses import RunStatus
from awaitly.storage.journal import RunRecord, Tick

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["checked_schedule", "ended", "next_tick", "postponed", "replaced", "run_id_of_tick", "rung", "schedule_id"]

_FIELDS = 5
_MOST_REPEATED = 1_000
"""So often, and far less, can one moment be named again around a change of the clock."""
_AGAIN = timedelta(minutes=1)
"""After this a schedule is looked at again whose next time could not be told here."""


def schedule_id(name: str) -> str:
    """Give the id of a schedule's own row."""
    return SCHEDULES + name


def run_id_of_tick(name: str, at: datetime) -> str:
    """Give the id of the run of a tick: `nightly@2027-03-28T07:00:00Z`."""
    return f"{name}@{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


_ROOM = len(run_id_of_tick("", datetime.max.replace(tzinfo=UTC)))


def checked_schedule(name: str) -> str:
    """Give a name back if it can be a schedule's: its runs' ids begin with it. Raises `DefinitionError`."""
    if name.startswith(SCHEDULES):
        msg = f"a schedule's name must not begin with {SCHEDULES!r}, as no run's id does: {name[:40]!r}"
        raise DefinitionError(msg)
    checked_name(f"a schedule's name, with {_ROOM} characters more for its runs' ids,", name + "-" * _ROOM)
    return checked_name("a schedule's name", name)


# When the next tick is


def next_tick(cron: str, timezone: str, after: datetime) -> datetime:
    """Give the first moment after `after` that `cron` names in `timezone`, in UTC. Raises `ValueError`.

    A time of day that a change of the clock leaves out comes at the change; one that comes twice counts the first time.
    """
    from cronsim import CronSim  # noqa: PLC0415  (only those who keep schedules need it)

    zone = _zone(timezone)
    if len(cron.split()) != _FIELDS:
        msg = (
            f"not a cron expression: {cron!r}; write five fields, as in '0 9 * * *' (minute, hour, day, month, weekday)"
        )
        raise ValueError(msg)
    try:
        ticks = CronSim(cron, after.astimezone(zone))
    except Exception as exc:  # it fails in many ways on what is no cron expression
        msg = f"not a cron expression: {cron!r}: {str(exc).lower() or 'it cannot be read'}"
        raise ValueError(msg) from exc
    moments = (tick.astimezone(UTC) for tick in islice(ticks, _MOST_REPEATED))
    found = next((moment for moment in moments if moment > after), None)
    if found is None:
        msg = f"the cron expression {cron!r} names no moment that ever comes"
        raise ValueError(msg)
    return found


def _zone(timezone: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415  (as above)

    try:
        return ZoneInfo(timezone)
    except (LookupError, ValueError, OSError) as exc:
        msg = f"no time zone {timezone!r} is known here; write a name such as 'Europe/Berlin' or 'UTC'"
        raise ValueError(msg) from exc


# Moves of a schedule


def replaced(before: RunRecord, wanted: RunRecord) -> RunRecord | None:
    """Put another definition into a schedule's row; None where it has this one already.

    Where it still stands for the same times, the tick that it waits for stays, also one that is overdue.
    """
    version = before.version + 1
    if before.status is not RunStatus.SCHEDULED or before.tick is None or wanted.tick is None:
        return changed(wanted, version=version)
    if _times(before.tick) != _times(wanted.tick):
        return changed(wanted, version=version, created_at=before.created_at)
    if _what(before) == _what(wanted):
        return None
    return changed(wanted, version=version, created_at=before.created_at, tick=before.tick, due_at=before.due_at)


def _times(tick: Tick) -> tuple[str, str]:
    return tick.cron, tick.timezone


def _what(run: RunRecord) -> tuple[object, ...]:
    return run.workflow, run.code_version, run.digest, run.queue, run.priority, run.requested_by


def rung(run: RunRecord, tick: Tick, now: datetime) -> tuple[RunRecord, RunRecord]:
    """Give the run of a tick that has come, and the schedule as it waits for the next, the first after now.

    The ticks between the two are skipped. Raises `ValueError` where this machine cannot tell when the next is.
    """
    following = next_tick(tick.cron, tick.timezone, max(now, tick.at))
    begun = changed(
        run,
        run_id=run_id_of_tick(tick.schedule, tick.at),
        status=RunStatus.QUEUED,
        version=1,
        created_at=now,
        updated_at=now,
        due_at=tick.at,  # it has come, also by the clock of a server that is a little behind
        reason=None,
    )
    moved = changed(tick, at=following)
    after = changed(run, version=run.version + 1, updated_at=now, tick=moved, due_at=following, reason=None)
    return begun, after


def postponed(run: RunRecord, reason: str, now: datetime) -> RunRecord:
    """Let somebody else try a little later, who can perhaps tell when the next tick is."""
    return changed(run, version=run.version + 1, updated_at=now, due_at=now + _AGAIN, reason=reason)


def ended(run: RunRecord, by: Actor | None, now: datetime) -> RunRecord:
    """End a schedule. Its row stays until it is cleared away, so nobody who is late can bring it back."""
    changes = {"status": RunStatus.CANCELLED, "updated_at": now, "due_at": None, "by": by, "reason": "unscheduled"}
    return changed(run, version=run.version + 1, **changes)
