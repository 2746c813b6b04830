"""Listing the notices that were given up."""

# ruff: noqa: S101  (tests assert, and numbers are what a test is about)

from __future__ import annotations

import pytest
from attrs import evolve

from awaitly.storage.store import Hold, NoticeQuery, NoticeRow, Store
from awaitly.testing.rows import T0, changes, notice_row, run_row
from awaitly.testing.store_contract.page_audiences import NAMES
from awaitly.testing.store_contract.page_runs import IN_ORDER
from awaitly.testing.store_contract.tools import applied, inserted, notice_ids

__all__ = ["PageNoticesFacts"]

QUERIES = {
    "all": NoticeQuery(),
    "run": NoticeQuery(run_id="run"),
    "channel": NoticeQuery(channel="mail"),
    "both": NoticeQuery(run_id="run", channel="mail"),
}

each_query = pytest.mark.parametrize("query", list(QUERIES.values()), ids=list(QUERIES))


def dead(run_id: str = "run", key: str = "1 mail", version: int = 1, channel: str = "mail") -> NoticeRow:
    """Make a notice that was given up."""
    return notice_row(run_id, key, version, channel=channel, due_at=None, dead=True)


class PageNoticesFacts:
    """Looking at what could not be delivered."""

    @each_query
    async def test_only_what_was_given_up_is_listed(self, store: Store, query: NoticeQuery) -> None:
        """Whether or not it has a time; what was sent, or is to be, is not."""
        await inserted(store, notice_row(key="a"), notice_row(key="b", due_at=None))
        await inserted(store, dead(key="c"), notice_row(key="d", dead=True))
        assert await notice_ids(store, query) == [("run", "c"), ("run", "d")]

    @each_query
    async def test_a_swap_lists_a_notice_and_takes_it_away(self, store: Store, query: NoticeQuery) -> None:
        """Given up, sent again, and given up once more."""
        await inserted(store, notice_row())
        for version, given_up in enumerate((True, False, True), start=2):
            await applied(store, changes(notices=(notice_row(version=version, dead=given_up),)))
            assert await notice_ids(store, query) == [("run", "1 mail")] * given_up

    async def test_what_was_given_up_is_listed_by_run_and_key(self, store: Store) -> None:
        """Both by code point, whatever their channels and times."""
        places = [(run_id, key) for run_id in IN_ORDER for key in ("B", "a", "\u00e9", "\uff5e", "\U0001f600")]
        rows = [
            notice_row(*place, channel=("mail", "chat")[n % 2], due_at=T0 - n, dead=True)
            for n, place in enumerate(places)
        ]
        await inserted(store, *rows[::3], *rows[2::3], *rows[1::3])
        assert await notice_ids(store, NoticeQuery(limit=100)) == places
        assert await notice_ids(store, NoticeQuery(channel="chat", limit=100)) == places[1::2]
        assert await notice_ids(store, NoticeQuery(run_id="aa", limit=100)) == [p for p in places if p[0] == "aa"]

    @each_query
    async def test_dead_notices_are_given_as_stored(self, store: Store, query: NoticeQuery) -> None:
        """A row is the whole row, in its newest version."""
        old = notice_row(channel="mail", body='"old"')
        new = notice_row(version=2, due_at=T0 + 3, dead=True, body='"new"')
        await applied(store, changes(notices=(old,)), changes(notices=(new,)))
        assert (await store.page_notices(query)).items == (new,)

    async def test_notices_are_filtered_by_run_and_channel(self, store: Store) -> None:
        """Both compared to the letter; what passes all is listed."""
        rows = [dead(name or "none", f"{n:02}", channel=channel) for n, name in enumerate(NAMES) for channel in (name,)]
        await inserted(store, *rows)
        for row in rows:
            found = [(row.run_id, row.key)]
            assert await notice_ids(store, NoticeQuery(run_id=row.run_id)) == found, row
            assert await notice_ids(store, NoticeQuery(channel=row.channel)) == found, row
            assert await notice_ids(store, NoticeQuery(run_id=row.run_id, channel=row.channel)) == found, row
            assert await notice_ids(store, NoticeQuery(run_id=row.run_id, channel="other")) == [], row

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 8, 9, 10, 100])
    async def test_pages_of_notices_add_up(self, store: Store, limit: int) -> None:
        """Whatever the limit: every one once, in order, and a page may end within a run."""
        places = [(f"run-{n // 3}", f"{n}") for n in range(9)]
        await inserted(store, *(dead(*place, channel=("mail", "chat")[n % 2]) for n, place in enumerate(places)))
        assert await notice_ids(store, NoticeQuery(limit=limit)) == places
        assert await notice_ids(store, NoticeQuery(channel="mail", limit=limit)) == places[::2]
        assert await notice_ids(store, NoticeQuery(run_id="run-1", limit=limit)) == places[3:6]
        both = NoticeQuery(run_id="run-1", channel="chat", limit=limit)
        assert await notice_ids(store, both) == [places[3], places[5]]

    @each_query
    async def test_a_page_of_notices_has_at_most_limit_items(self, store: Store, query: NoticeQuery) -> None:
        """It has exactly as many as are asked for, the first ones, and says whether there are more."""
        await inserted(store, *(dead(key=f"{n}") for n in range(9)), notice_row(key="0a"))
        page = await store.page_notices(evolve(query, limit=4))
        assert [row.key for row in page.items] == ["0", "1", "2", "3"]
        assert page.after is not None
        assert (await store.page_notices(evolve(query, limit=9))).after is None

    @each_query
    async def test_a_walk_goes_on_where_its_last_notice_is_sent(self, store: Store, query: NoticeQuery) -> None:
        """A cursor is a place, not a row; what comes in ahead of it shifts nothing."""
        await inserted(store, *(dead(key=f"{n}") for n in range(6)))
        query = evolve(query, limit=2)
        first = await store.page_notices(query)
        await applied(store, changes(notices=(notice_row(key="1", version=2, due_at=None),)))
        query = evolve(query, after=first.after)
        assert await notice_ids(store, query) == [("run", key) for key in ("2", "3", "4", "5")]
        await applied(store, changes(notices=(dead(key="00"), dead(key="01"), dead(key="9"))))
        assert await notice_ids(store, query) == [("run", key) for key in ("2", "3", "4", "5", "9")]

    @each_query
    @pytest.mark.parametrize("after", ["no such place", "[1]", '["run","1 mail",1]', '[1,"run"]'])
    async def test_a_wrong_cursor_of_notices_is_refused(self, store: Store, query: NoticeQuery, after: str) -> None:
        """An `after` that no page gave is a mistake of the caller: `ValueError`."""
        with pytest.raises(ValueError, match="after"):
            await store.page_notices(evolve(query, after=after))

    @each_query
    async def test_forgotten_notices_are_not_listed(self, store: Store, query: NoticeQuery) -> None:
        """With a run and without, and not where the id is used again."""
        await inserted(store, run_row(), dead(), dead("gate", "2 mail"), dead("stays", "3 mail"))
        await applied(store, changes(forgotten=(Hold("run", 1),)), changes(forgotten=(Hold("gate", 0),)))
        await inserted(store, run_row(), notice_row(), notice_row("gate", "2 mail"))
        assert await notice_ids(store, query) == ([] if query.run_id else [("stays", "3 mail")])

    async def test_many_dead_notices_are_listed_in_order(self, store: Store) -> None:
        """More than any store reads at once: every one once, on several pages."""
        rows = [dead(f"run-{n * 7919 % 1500:04}", channel="mail" if n % 3 else "chat") for n in range(1500)]
        await inserted(store, *rows)
        expected = sorted((row.run_id, row.key) for row in rows)
        assert await notice_ids(store, NoticeQuery(limit=400)) == expected
        mail = sorted((row.run_id, row.key) for row in rows if row.channel == "mail")
        assert await notice_ids(store, NoticeQuery(channel="mail", limit=400)) == mail
