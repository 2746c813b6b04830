"""Bugs in keeping notices, in finding those to be sent and in listing those that were given up."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import evolve

from awaitly.result import Err, Result
from awaitly.storage.store import Changes, Conflict, NoticeQuery, NoticeRow, Page, Store, cursor
from awaitly.testing.rows import T0, notice_row
from tests.stores.planted.bug import Around, Bug, Lanes, Notices
from tests.stores.planted.in_pages import ALL, any_cursor


def place(row: NoticeRow) -> tuple[str, str]:
    """Give the place in a listing."""
    return row.run_id, row.key


def utf16(row: NoticeRow) -> tuple[bytes, bytes]:
    """Give it as some languages order text."""
    return row.run_id.encode("utf-16-be"), row.key.encode("utf-16-be")


def written(bend: Callable[[NoticeRow], NoticeRow]) -> Callable[[Changes], Changes]:
    """Write other notices than are given."""
    return lambda changes: evolve(changes, notices=tuple(map(bend, changes.notices)))


def on_swap(bend: Callable[[NoticeRow], NoticeRow]) -> Callable[[Changes], Changes]:
    """Spoil what takes the place of other notices."""
    return written(lambda row: bend(row) if row.version > 1 else row)


def renamed(rename: Callable[[str], str]) -> Bug:
    """Take other channels than are given, in what is written and in what is asked."""
    return Bug(
        commit=written(lambda row: evolve(row, channel=rename(row.channel))),
        due_notices_args=lambda now, limit, channel: (now, limit, rename(channel)),
        next_notice_args=lambda now, channel: (now, rename(channel)),
        notice_query=lambda query: evolve(query, channel=query.channel and rename(query.channel)),
        caught_by=("test_channels_are_compared_to_the_letter",),
    )


def ordered(
    by: Callable[[NoticeRow], tuple[int | str | bytes, ...]],
) -> Callable[[NoticeQuery, Page[NoticeRow]], Page[NoticeRow]]:
    """Order pages otherwise."""

    def page(_query: NoticeQuery, found: Page[NoticeRow]) -> Page[NoticeRow]:
        return evolve(found, items=tuple(sorted(found.items, key=by)))

    return page


def endless(_query: NoticeQuery, page: Page[NoticeRow]) -> Page[NoticeRow]:
    """Always promise more."""
    return evolve(page, after=cursor(*place(page.items[-1])) if page.items else None)


def of_first_versions(rows: Iterable[NoticeRow]) -> Notices:
    """Give rows as they once were."""
    return tuple(evolve(row, version=1) for row in rows)


def utf16_due(rows: Notices) -> Notices:
    """Order what is of one moment by UTF-16."""
    return tuple(sorted(rows, key=lambda row: (row.due_at or 0, utf16(row))))


class NoticesNeedARun(Around):
    """Has a foreign key too many."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Refuse notices of no run."""
        for row in changes.notices:
            if (await self.load(row.run_id)).run is None and not changes.runs:
                return Err(Conflict(row.run_id, "no such run"))
        return await super().commit(changes)


class IgnoresVersions(Around):
    """Swaps whatever stands there."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Give each row the version that fits."""
        rows = [evolve(row, version=await self._version(row) + 1) for row in changes.notices]
        return await super().commit(evolve(changes, notices=tuple(rows)))

    async def _version(self, row: NoticeRow) -> int:
        return max((each.version for each in await self.notices(row.run_id) if each.key == row.key), default=0)


class ToldMakesDue(Around):
    """Looks at a run of which somebody is to be told."""

    async def due(self, now: int, limit: int, lanes: Lanes = None) -> tuple[str, ...]:
        """Name those too."""
        names = await super().due(now, limit, lanes)
        return (*names, *[run_id for run_id in sorted(self.ids) if await self.notices(run_id) and run_id not in names])


class Indexed(Around):
    """Finds notices by an index of its own: the base keeps it right."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.index: dict[tuple[str, str], NoticeRow] = {}

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Keep the index once the commit stands."""
        result = await super().commit(changes)
        if not isinstance(result, Err):
            self.keep(changes)
        return result

    def keep(self, changes: Changes) -> None:
        """Put rows into the index, and take out what is forgotten."""
        self.index.update({place(row): row for row in changes.notices})
        gone = {hold.run_id for hold in changes.forgotten}
        self.index = {at: row for at, row in self.index.items() if row.run_id not in gone}

    def told(self, channel: str) -> list[tuple[int, NoticeRow]]:
        """Give what has a time, with it, in order."""
        rows = [(row.due_at, row) for row in self.index.values() if row.due_at is not None and row.channel == channel]
        return sorted(rows, key=lambda pair: (pair[0], place(pair[1])))

    def lists(self, row: NoticeRow) -> bool:
        """Say whether a row is to be listed."""
        return row.dead

    async def due_notices(self, now: int, limit: int, channel: str) -> Notices:
        """Look in the index."""
        return tuple(row for at, row in self.told(channel) if at <= now)[:limit]

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Look in the index."""
        return next((at for at, _ in self.told(channel) if at > now), None)

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """Look in the index."""
        rows = [row for row in self.index.values() if self.lists(row)]
        fits = [r for r in rows if query.run_id in (None, r.run_id) and query.channel in (None, r.channel)]
        return Page(tuple(sorted(fits, key=place)[:ALL]))


class RemembersTheForgotten(Indexed):
    """Forgets rows, and not that they are to be sent."""

    def keep(self, changes: Changes) -> None:
        """Forget nothing, and put nothing in its place."""
        rows = [row for row in changes.notices if row.version > 1 or place(row) not in self.index]
        self.index.update({place(row): row for row in rows})


class KeepsWhatIsRefused(Indexed):
    """Writes its index before it knows."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Put the rows in anyhow."""
        self.keep(changes)
        return await self._store.commit(changes)


class IgnoresChannels(Indexed):
    """Sends everything by each channel."""

    def told(self, channel: str) -> list[tuple[int, NoticeRow]]:
        """Find it by its time alone."""
        names = {row.channel for row in self.index.values()} | {channel}
        return sorted((pair for name in names for pair in super(IgnoresChannels, self).told(name)), key=_at)


class FindsTheLast(Indexed):
    """Waits for the last of all."""

    async def next_notice(self, now: int, channel: str) -> int | None:
        """Look at the wrong end."""
        return max((at for at, _ in self.told(channel) if at > now), default=None)


class DeadForGood(Indexed):
    """Does not know that what was given up can be sent again."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.buried: set[tuple[str, str]] = set()

    def keep(self, changes: Changes) -> None:
        """Bury."""
        super().keep(changes)
        self.buried |= {place(row) for row in changes.notices if row.dead}

    def lists(self, row: NoticeRow) -> bool:
        """List what was ever buried."""
        return place(row) in self.buried


class ListsAll(Indexed):
    """Lists what is well too."""

    def lists(self, row: NoticeRow) -> bool:
        """List it."""
        return bool(row.key)


class ListsWhatIsNotSent(Indexed):
    """Takes for dead what has no time."""

    def lists(self, row: NoticeRow) -> bool:
        """Look at the time."""
        return row.due_at is None


class Paged(Around):
    """Pages by itself."""

    async def all_notices(self, query: NoticeQuery) -> list[NoticeRow]:
        """Give all that a query lists, in order."""
        return list((await self._store.page_notices(evolve(query, limit=ALL, after=None))).items)


class ByOffset(Paged):
    """Counts rows instead of remembering a place."""

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """Skip as many as were seen."""
        rows, start = await self.all_notices(query), int(query.after or 0)
        end = start + query.limit
        return Page(tuple(rows[start:end]), str(end) if rows[end:] else None)


class ByRunAlone(Paged):
    """Forgets that a run may have several."""

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """Go on at the next run."""
        rows = [row for row in await self.all_notices(query) if row.run_id > (query.after or "")]
        items = tuple(rows[: query.limit])
        return Page(items, items[-1].run_id if rows[query.limit :] else None)


class ByRow(Paged):
    """Looks for the last row of the page before, and stops where it is gone."""

    async def page_notices(self, query: NoticeQuery) -> Page[NoticeRow]:
        """Find the row."""
        rows, gone = await self.all_notices(query), 0 if query.after is None else ALL
        start = next((n + 1 for n, row in enumerate(rows) if cursor(*place(row)) == query.after), gone)
        items = tuple(rows[start : start + query.limit])
        return Page(items, cursor(*place(items[-1])) if rows[start + query.limit :] else None)


def _at(pair: tuple[int, NoticeRow]) -> tuple[int, str, str]:
    return pair[0], *place(pair[1])


NOTICE_BUGS = {
    "notices are lost": Bug(
        commit=lambda changes: evolve(changes, notices=()),
        caught_by=(
            "test_a_notice_is_inserted",
            "test_many_notices_come_back",
            "test_all_parts_of_a_commit_are_applied",
            "test_a_broken_condition_is_a_conflict",
        ),
    ),
    "one notice is kept": Bug(
        commit=lambda changes: evolve(changes, notices=changes.notices[:1]),
        caught_by=("test_a_notice_is_inserted", "test_the_second_notice_of_a_commit_counts_too"),
    ),
    "a notice keeps its time": Bug(
        commit=on_swap(lambda row: evolve(row, due_at=T0)),
        caught_by=("test_a_notice_is_swapped", "test_a_swap_moves_a_notice"),
    ),
    "a notice keeps its channel": Bug(
        commit=on_swap(lambda row: evolve(row, channel="mail")),
        caught_by=("test_a_notice_is_swapped", "test_a_swap_moves_a_notice"),
    ),
    "a notice never dies": Bug(
        commit=on_swap(lambda row: evolve(row, dead=False)),
        caught_by=("test_a_notice_is_swapped", "test_a_swap_lists_a_notice_and_takes_it_away"),
    ),
    "notice versions are ignored": Bug(
        around=IgnoresVersions,
        caught_by=(
            "test_a_notice_for_the_same_version_is_a_conflict",
            "test_the_second_notice_of_a_commit_counts_too",
            "test_a_broken_condition_is_a_conflict",
        ),
    ),
    "notices need a run": Bug(around=NoticesNeedARun, caught_by=("test_notices_need_no_run",)),
    "the last notice comes first": Bug(
        notices=lambda rows: rows[::-1], caught_by=("test_notices_are_given_by_key", "test_many_notices_come_back")
    ),
    "notices are ordered by UTF-16": Bug(
        notices=lambda rows: tuple(sorted(rows, key=utf16)), caught_by=("test_notices_are_given_by_key",)
    ),
    "what was sent is gone": Bug(
        notices=lambda rows: tuple(row for row in rows if row.due_at is not None),
        caught_by=("test_a_notice_is_inserted", "test_notices_are_given_by_key"),
    ),
    "a notice is invented": Bug(
        notices=lambda rows: rows or (notice_row(),),
        due_notices=lambda rows: rows or (notice_row(),),
        caught_by=("test_an_id_without_notices_has_none", "test_nothing_is_to_be_sent_in_an_empty_store"),
    ),
    "a notice is sent too early": Bug(
        due_notices_args=lambda now, limit, channel: (now + 1, limit, channel),
        caught_by=("test_a_notice_is_to_be_sent_from_its_time_on",),
    ),
    "a notice is sent too late": Bug(
        due_notices_args=lambda now, limit, channel: (now - 1, limit, channel),
        caught_by=("test_a_notice_is_to_be_sent_from_its_time_on",),
    ),
    "no time is any time": Bug(
        commit=written(lambda row: evolve(row, due_at=T0) if row.due_at is None else row),
        caught_by=("test_a_notice_is_inserted", "test_a_notice_without_a_time_is_not_to_be_sent"),
    ),
    "the dead are not sent": Bug(
        due_notices=lambda rows: tuple(row for row in rows if not row.dead),
        caught_by=("test_a_notice_without_a_time_is_not_to_be_sent", "test_due_notices_are_given_as_stored"),
    ),
    "notices are sent by run": Bug(
        due_notices=lambda rows: tuple(sorted(rows, key=place)),
        caught_by=(
            "test_the_notice_that_waits_longest_comes_first",
            "test_many_notices_are_to_be_sent_in_order",
            "test_a_swap_moves_a_notice",
        ),
    ),
    "notices of one moment are sent by UTF-16": Bug(
        due_notices=utf16_due, caught_by=("test_notices_of_one_moment_come_by_run_and_key",)
    ),
    "all notices are sent at once": Bug(
        due_notices_args=lambda now, _limit, channel: (now, ALL, channel),
        caught_by=("test_a_limit_gives_the_first_notices", "test_notices_of_one_moment_come_by_run_and_key"),
    ),
    "a thousand notices are enough": Bug(
        notices=lambda rows: rows[:500],
        due_notices=lambda rows: rows[:500],
        notice_page=lambda query, page: page if query.after is None else Page(page.items[:300]),
        caught_by=(
            "test_many_notices_come_back",
            "test_many_notices_are_to_be_sent_in_order",
            "test_many_dead_notices_are_listed_in_order",
        ),
    ),
    "any channel sends": Bug(
        around=IgnoresChannels,
        caught_by=("test_channels_are_asked_apart", "test_channels_are_compared_to_the_letter"),
    ),
    "channels are folded": renamed(str.casefold),
    "channels are trimmed": renamed(str.strip),
    "channels are cut": renamed(lambda name: name[:3]),
    "old notices are sent": Bug(
        due_notices=of_first_versions,
        notice_page=lambda _query, page: evolve(page, items=of_first_versions(page.items)),
        caught_by=("test_due_notices_are_given_as_stored", "test_dead_notices_are_given_as_stored"),
    ),
    "the next notice is due already": Bug(
        next_notice_args=lambda now, channel: (now - 1, channel),
        caught_by=("test_the_next_notice_is_the_first_to_come", "test_channels_are_asked_apart"),
    ),
    "the next notice is the last": Bug(around=FindsTheLast, caught_by=("test_the_next_notice_is_the_first_to_come",)),
    "who is told is due": Bug(around=ToldMakesDue, caught_by=("test_notices_and_runs_are_due_apart",)),
    "a notice is not forgotten": Bug(
        around=RemembersTheForgotten,
        caught_by=(
            "test_forgetting_leaves_no_notice_behind",
            "test_a_forgotten_notice_is_not_to_be_sent",
            "test_forgotten_notices_are_not_listed",
        ),
    ),
    "a notice is kept of what is refused": Bug(
        around=KeepsWhatIsRefused, caught_by=("test_a_conflict_leaves_what_is_to_be_sent",)
    ),
    "what was dead is dead": Bug(around=DeadForGood, caught_by=("test_a_swap_lists_a_notice_and_takes_it_away",)),
    "every notice is listed": Bug(
        around=ListsAll,
        caught_by=("test_only_what_was_given_up_is_listed", "test_a_swap_lists_a_notice_and_takes_it_away"),
    ),
    "what has no time is listed": Bug(around=ListsWhatIsNotSent, caught_by=("test_only_what_was_given_up_is_listed",)),
    "the dead are listed by time": Bug(
        notice_page=ordered(lambda row: (row.due_at or 0, *place(row))),
        caught_by=("test_what_was_given_up_is_listed_by_run_and_key",),
    ),
    "the dead are listed by UTF-16": Bug(
        notice_page=ordered(utf16), caught_by=("test_what_was_given_up_is_listed_by_run_and_key",)
    ),
    "the dead are listed by key": Bug(
        notice_page=ordered(lambda row: (row.key, row.run_id)),
        caught_by=("test_what_was_given_up_is_listed_by_run_and_key",),
    ),
    "a listing of notices knows no filters": Bug(
        notice_query=lambda query: NoticeQuery(limit=query.limit, after=query.after),
        caught_by=("test_notices_are_filtered_by_run_and_channel", "test_pages_of_notices_add_up"),
    ),
    "cursors of notices count rows": Bug(
        around=ByOffset,
        caught_by=("test_a_walk_goes_on_where_its_last_notice_is_sent",),
    ),
    "cursors of notices are runs": Bug(around=ByRunAlone, caught_by=("test_pages_of_notices_add_up",)),
    "cursors of notices are rows": Bug(around=ByRow, caught_by=("test_a_walk_goes_on_where_its_last_notice_is_sent",)),
    "any text is a cursor of notices": Bug(
        notice_query=lambda query: evolve(query, after=any_cursor(query.after)),
        around=ByRow,
        caught_by=("test_a_wrong_cursor_of_notices_is_refused",),
    ),
    "a page of notices has one more": Bug(
        notice_query=lambda query: evolve(query, limit=query.limit + 1),
        caught_by=("test_a_page_of_notices_has_at_most_limit_items",),
    ),
    "a listing of notices never ends": Bug(
        notice_page=endless, caught_by=("test_a_page_of_notices_has_at_most_limit_items",)
    ),
}
