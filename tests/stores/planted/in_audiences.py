"""Bugs in finding approvals by whom they wait for."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from awaitly.result import Err, Result
from awaitly.storage.store import ApprovalQuery, ApprovalRow, Changes, Conflict, Page, Store
from tests.stores.planted.bug import Bug
from tests.stores.planted.in_pages import ALL, Listing

FAR = 2**62


def urgency(row: ApprovalRow) -> tuple[int | str, ...]:
    """Give the place in an audience."""
    return (FAR if row.deadline is None else row.deadline, row.run_id, row.key)


def ordered(by: Callable[[ApprovalRow], tuple[int | str | bytes, ...]]) -> Bug:
    """Order the pages of audiences otherwise."""

    def page(query: ApprovalQuery, found: Page[ApprovalRow]) -> Page[ApprovalRow]:
        return found if query.audience is None else evolve(found, items=tuple(sorted(found.items, key=by)))

    return Bug(approval_page=page, caught_by=())


def renamed(rename: Callable[[str], str]) -> Bug:
    """Take other names than are given, in what is written and in what is asked."""

    def written(changes: Changes) -> Changes:
        rows = (evolve(row, audience=tuple(map(rename, row.audience))) for row in changes.approvals)
        return evolve(changes, approvals=tuple(rows))

    def asked(query: ApprovalQuery) -> ApprovalQuery:
        return evolve(query, audience=query.audience and tuple(map(rename, query.audience)))

    return Bug(commit=written, approval_query=asked, caught_by=("test_names_are_compared_to_the_letter",))


def written(bend: Callable[[ApprovalRow], tuple[str, ...]]) -> Callable[[Changes], Changes]:
    """Write other audiences than are given."""
    return lambda changes: evolve(
        changes, approvals=tuple(evolve(row, audience=bend(row)) for row in changes.approvals)
    )


def asked(bend: Callable[[ApprovalQuery], ApprovalQuery]) -> Callable[[ApprovalQuery], ApprovalQuery]:
    """Bend only what is asked about audiences."""
    return lambda query: query if query.audience is None else bend(query)


def once_a_name(query: ApprovalQuery, page: Page[ApprovalRow]) -> Page[ApprovalRow]:
    """List an approval for each of its names."""
    names = set(query.audience or ())
    return evolve(page, items=tuple(row for row in page.items for _ in names & set(row.audience)))


def only_with_a_deadline(query: ApprovalQuery, page: Page[ApprovalRow]) -> Page[ApprovalRow]:
    """Take what has no deadline for dead."""
    if query.audience is None or query.alive_at is None:
        return page
    return evolve(page, items=tuple(row for row in page.items if row.deadline is not None))


class ByDeadlineAlone(Listing):
    """Forgets that several rows may be of one deadline."""

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Go on at the next microsecond."""
        rows = [row for row in await self.all_approvals(query) if int(urgency(row)[0]) > int(query.after or 0)]
        items = tuple(rows[: query.limit])
        return Page(items, str(urgency(items[-1])[0]) if rows[query.limit :] else None)


class Indexed(Listing):
    """Finds audiences by an index of its own: the base keeps it right."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.index: dict[tuple[str, str], ApprovalRow] = {}

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Keep the index once the commit stands."""
        result = await super().commit(changes)
        if not isinstance(result, Err):
            self.keep(changes)
        return result

    def keep(self, changes: Changes) -> None:
        """Put rows into the index, and take out what is forgotten."""
        for row in changes.approvals:
            self.put(row)
        for hold in changes.forgotten:
            self.index = {place: row for place, row in self.index.items() if row.run_id != hold.run_id}

    def put(self, row: ApprovalRow) -> None:
        """Put a row in the place of the one before it."""
        self.index[row.run_id, row.key] = row

    async def page_approvals(self, query: ApprovalQuery) -> Page[ApprovalRow]:
        """Look in the index, and give what is found there."""
        if query.audience is None:
            return await super().page_approvals(query)
        names = set(query.audience)
        rows = [row for row in self.index.values() if self.lists(row) and not names.isdisjoint(row.audience)]
        return Page(tuple(sorted(rows, key=urgency)[:ALL]))

    def lists(self, row: ApprovalRow) -> bool:
        """Say whether a row is to be found."""
        return row.open


class KeepsTheFirstAudience(Indexed):
    """Writes an audience where an approval is inserted alone."""

    def put(self, row: ApprovalRow) -> None:
        """Keep the names that stand there."""
        old = self.index.get((row.run_id, row.key), row)
        super().put(evolve(row, audience=old.audience))


class AddsNames(Indexed):
    """Takes no name away."""

    def put(self, row: ApprovalRow) -> None:
        """Add to the names that stand there."""
        old = self.index.get((row.run_id, row.key), row)
        super().put(evolve(row, audience=old.audience + row.audience))


class KeepsTheFirstDeadline(Indexed):
    """Leaves a row where it was first put."""

    def put(self, row: ApprovalRow) -> None:
        """Keep the deadline that stands there."""
        old = self.index.get((row.run_id, row.key), row)
        super().put(evolve(row, deadline=old.deadline))


class FindsClosed(Indexed):
    """Finds what is over."""

    def lists(self, row: ApprovalRow) -> bool:
        """Find it by its names alone."""
        return bool(row.audience)


class ClosesForGood(Indexed):
    """Finds nothing that was closed once."""

    def put(self, row: ApprovalRow) -> None:
        """Leave a closed row as it is."""
        old = self.index.get((row.run_id, row.key), row)
        super().put(row if old.open else old)


class RemembersTheForgotten(Indexed):
    """Forgets rows, and not who they were for."""

    def keep(self, changes: Changes) -> None:
        """Forget nothing."""
        super().keep(evolve(changes, forgotten=()))

    def put(self, row: ApprovalRow) -> None:
        """Add to what was not forgotten."""
        old = self.index.get((row.run_id, row.key), row)
        names = old.audience if row.version == 1 else ()
        super().put(evolve(row, audience=names + row.audience))


class KeepsWhatIsRefused(Indexed):
    """Writes its index before it knows."""

    async def commit(self, changes: Changes) -> Result[None, Conflict]:
        """Put the rows in anyhow."""
        self.keep(changes)
        return await self._store.commit(changes)


AUDIENCE_BUGS = {
    "audiences are ignored": Bug(
        approval_query=lambda query: evolve(query, audience=None),
        caught_by=(
            "test_an_approval_is_found_by_a_name_of_its_audience",
            "test_names_are_compared_to_the_letter",
            "test_no_name_finds_no_approval",
            "test_pages_of_an_audience_add_up",
            "test_a_page_of_an_audience_has_at_most_limit_items",
        ),
    ),
    "an audience has one name": Bug(
        commit=written(lambda row: row.audience[:1]),
        caught_by=("test_an_approval_is_found_by_a_name_of_its_audience", "test_filters_hold_for_an_audience"),
    ),
    "one name is asked for": Bug(
        approval_query=asked(lambda query: evolve(query, audience=(query.audience or ())[:1])),
        caught_by=(
            "test_an_approval_of_several_names_is_listed_once",
            "test_an_audience_of_many_is_given_in_order",
        ),
    ),
    "an approval is listed for each name": Bug(
        approval_page=once_a_name,
        caught_by=("test_an_approval_of_several_names_is_listed_once", "test_pages_of_an_audience_add_up"),
    ),
    "no name is any name": Bug(
        approval_query=lambda query: evolve(query, audience=query.audience or None),
        caught_by=("test_no_name_finds_no_approval",),
    ),
    "nobody is everybody": Bug(
        commit=written(lambda row: row.audience or ("*",)), caught_by=("test_no_name_finds_no_approval",)
    ),
    "audiences are listed by asking": evolve(
        ordered(lambda row: (row.asked_at, row.run_id, row.key)),
        caught_by=("test_an_audience_is_given_the_most_urgent_first", "test_an_audience_of_many_is_given_in_order"),
    ),
    "no deadline is the first": evolve(
        ordered(lambda row: (row.deadline or 0, row.run_id, row.key)),
        caught_by=("test_an_audience_is_given_the_most_urgent_first",),
    ),
    "audiences are ordered by UTF-16": evolve(
        ordered(lambda row: (urgency(row)[0], row.run_id.encode("utf-16-be"), row.key)),
        caught_by=("test_approvals_of_one_deadline_are_given_by_run_and_key",),
    ),
    "names are folded": renamed(str.casefold),
    "names are trimmed": renamed(str.strip),
    "names are cut": renamed(lambda name: name[:3]),
    "cursors are deadlines": Bug(
        around=ByDeadlineAlone,
        caught_by=("test_pages_of_one_deadline_add_up",),
    ),
    "an audience knows no filters": Bug(
        approval_query=asked(
            lambda query: ApprovalQuery(audience=query.audience, limit=query.limit, after=query.after)
        ),
        caught_by=(
            "test_filters_hold_for_an_audience",
            "test_an_audience_knows_what_is_without_a_deadline",
            "test_filtered_pages_of_an_audience_add_up",
        ),
    ),
    "no deadline is a dead one": Bug(
        approval_page=only_with_a_deadline, caught_by=("test_an_audience_knows_what_is_without_a_deadline",)
    ),
    "the first audience stays": Bug(around=KeepsTheFirstAudience, caught_by=("test_a_swap_replaces_the_audience",)),
    "audiences only grow": Bug(around=AddsNames, caught_by=("test_a_swap_replaces_the_audience",)),
    "the first deadline stays": Bug(
        around=KeepsTheFirstDeadline, caught_by=("test_a_swap_moves_what_waits_for_somebody",)
    ),
    "an audience finds what is closed": Bug(
        around=FindsClosed,
        caught_by=("test_a_closed_approval_waits_for_nobody",),
    ),
    "an audience is closed for good": Bug(around=ClosesForGood, caught_by=("test_a_closed_approval_waits_for_nobody",)),
    "an audience is not forgotten": Bug(
        around=RemembersTheForgotten, caught_by=("test_forgetting_leaves_no_audience_behind",)
    ),
    "an audience is kept of what is refused": Bug(
        around=KeepsWhatIsRefused, caught_by=("test_a_conflict_leaves_audiences",)
    ),
}
