"""Who is away, and who stands in for them: kept in the store, so that every process knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeAlias

from awaitly.actors import ADMIN, By, as_actor
from awaitly.approvals.events import Absence
from awaitly.approvals.grants import names_somebody, person_of
from awaitly.approvals.handling import DEEPEST
from awaitly.durations import Duration, as_timedelta, from_micros
from awaitly.errors import AbsenceRefused
from awaitly.ids import ABSENCES
from awaitly.result import Err, Ok, Result
from awaitly.runs.standing import absences_in
from awaitly.storage.records import absence_id, absences_prefix, row_of_absence
from awaitly.storage.store import Changes, Hold, Move
from awaitly.verbs.attending import Attending
from awaitly.working.looks import Looks

__all__ = ["Staffing"]


class Staffing(Attending):
    """Keeps who stands in for whom."""

    async def away(
        self, owner: By, *, to: str, until: datetime | Duration, since: datetime | None = None, by: By | None = None
    ) -> Result[Absence, AbsenceRefused]:
        """Let `to` decide on `owner`'s behalf wherever that one may, from `since` (now) until `until`.

        What `owner` may is judged by the roles given here, besides the name. `until` is an aware time, or a length of
        time from `since`. `by`, where somebody else says it, needs the role `admin`. The same two again replace what
        was said before. Refused where at some moment it would go round in a circle, or over more than three people.
        """
        who, actor = as_actor(owner), as_actor(owner if by is None else by)
        now = from_micros(await self._store.now())
        begins = now if since is None else since
        try:
            ends = until if isinstance(until, datetime) else begins + as_timedelta(until)
        except OverflowError:
            return Err(AbsenceRefused(who.name, to, "it would end beyond all calendars: say until when"))
        absence = Absence(who, to, begins, ends)
        refusal = _unfit(absence, now) or _not_theirs(who.name, to, actor.name, admin=ADMIN in actor.roles)
        refusal = refusal or await self._too_far(absence)
        if refusal is not None:
            return Err(refusal)
        looks = Looks()
        while True:
            found = looks.again(await self._store.load(absence_id(who.name, to)))
            version = 1 if found.run is None else found.run.version + 1
            row = row_of_absence(absence, version, from_micros(found.now))
            if isinstance(await self._store.commit(Changes(move=Move.SCHEDULE, runs=(row,))), Ok):
                return Ok(absence)

    async def back(self, owner: By, *, by: By | None = None) -> Result[tuple[Absence, ...], AbsenceRefused]:
        """End all absences of `owner`, and give them. `by`, where somebody else says it, needs the role `admin`."""
        who, actor = as_actor(owner), as_actor(owner if by is None else by)
        refusal = _not_theirs(who.name, "", actor.name, admin=ADMIN in actor.roles)
        if refusal is not None:
            return Err(refusal)
        ended = tuple(absence for absence in await self.absences() if absence.owner.name == who.name)
        for absence in ended:
            await self._ended(absence)
        return Ok(ended)

    async def absences(self, *, to: str | None = None) -> tuple[Absence, ...]:
        """List who is, was or will be away, the first to go first; with `to`, for whom that person stands in."""
        prefix = ABSENCES if to is None else absences_prefix(to)
        found = [absence async for absence in absences_in(self._store, prefix)]
        return tuple(sorted(found, key=lambda absence: (absence.since, absence.owner.name, absence.to)))

    async def _ended(self, absence: Absence) -> None:
        looks = Looks()
        while True:
            found = looks.again(await self._store.load(absence_id(absence.owner.name, absence.to)))
            if found.run is None:
                return
            gone = Changes(move=Move.SCHEDULE, forgotten=(Hold(found.run.run_id, found.run.version),))
            if isinstance(await self._store.commit(gone), Ok):
                return

    async def _too_far(self, absence: Absence) -> AbsenceRefused | None:
        """Refuse where at some moment a seat would come back to who had it, or go over too many."""
        others = [other for other in await self.absences() if _ends(other) != _ends(absence)]
        people = [_people(way) for way in _ways((absence,), others)]
        circle = next((names for names in people if len(set(names)) < len(names)), None)
        if circle is not None:
            return AbsenceRefused(*_ends(absence), f"it would go round: {' to '.join(circle)}")
        over = next((names for names in people if len(names) > DEEPEST + 1), None)
        if over is not None:
            return AbsenceRefused(*_ends(absence), f"it would go over too many: {' to '.join(over)}")
        return None


Way: TypeAlias = tuple[Absence, ...]
"""Absences that hold at one moment, each of whoever stands in by the one before."""


def _ways(way: Way, others: Iterable[Absence]) -> Iterator[Way]:
    """Give every way that goes on from this one, at either end, up to one that is round or too long."""
    yield way
    people = _people(way)
    if len(way) > DEEPEST or len(set(people)) < len(people):
        return
    meeting = [other for other in others if _meet(*way, other)]
    for other in meeting:
        if other.owner.name == people[-1]:
            yield from _ways((*way, other), meeting)
    for other in meeting:
        if other.to == people[0]:
            yield from _ways((other, *way), meeting)


def _meet(*absences: Absence) -> bool:
    """Whether there is a moment at which all of these are away."""
    return max(each.since for each in absences) < min(each.until for each in absences)


def _people(way: Way) -> tuple[str, ...]:
    return (way[0].owner.name, *(absence.to for absence in way))


def _ends(absence: Absence) -> tuple[str, str]:
    return absence.owner.name, absence.to


def _unfit(absence: Absence, now: datetime) -> AbsenceRefused | None:
    owner, to = absence.owner.name, absence.to
    if absence.since.tzinfo is None or absence.until.tzinfo is None:
        return AbsenceRefused(owner, to, "its times need a time zone")
    if absence.until <= max(absence.since, now):
        return AbsenceRefused(owner, to, f"it would be over at {absence.until.isoformat()}, before it begins")
    if person_of(to) != to or not names_somebody(to) or to == owner:
        return AbsenceRefused(owner, to, "name the one person who stands in, somebody else")
    return None


def _not_theirs(owner: str, to: str, actor: str, *, admin: bool) -> AbsenceRefused | None:
    if actor == owner or admin:
        return None
    return AbsenceRefused(owner, to, f"{actor} may not say this of {owner}: it takes {owner}, or the role {ADMIN!r}")
