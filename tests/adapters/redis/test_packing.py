from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from awaitly import ApprovalRow, Entry, NoticeRow, RunRow
from awaitly.testing.rows import changes, run_row, step_row
from awaitly_redis import RedisStore
from awaitly_redis.packing import (
    approval_place,
    approval_value,
    entry_value,
    notice_place,
    notice_value,
    packed_time,
    packed_version,
    read_approval,
    read_approval_place,
    read_entry,
    read_notice,
    read_notice_place,
    read_run,
    read_run_place,
    run_header,
    run_place,
)

TIMES = st.integers(-(2**63), 2**63 - 2)
VERSIONS = st.integers(1, 2**63)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
ANYTHING = st.text(st.characters(codec="utf-8"), max_size=20)
RUNS = st.builds(RunRow, TEXTS, VERSIONS, TEXTS, TEXTS, TIMES, TIMES, st.none() | TIMES, TEXTS, TEXTS)
AUDIENCES = st.lists(TEXTS, max_size=5, unique=True).map(tuple)
APPROVALS = st.builds(
    ApprovalRow, TEXTS, TEXTS, VERSIONS, TEXTS, st.booleans(), st.booleans(), TIMES, st.none() | TIMES, TEXTS, AUDIENCES
)
NOTICES = st.builds(NoticeRow, TEXTS, ANYTHING, VERSIONS, ANYTHING, st.none() | TIMES, st.booleans(), ANYTHING)
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex) | TEXTS | st.just("=" * 32) | st.just("AB" * 32)


@given(RUNS)
def test_a_run_comes_back(row: RunRow) -> None:
    """To the letter, whatever is in it."""
    assert read_run(row.run_id, run_header(row), row.body.encode()) == row


@given(APPROVALS)
def test_an_approval_comes_back(row: ApprovalRow) -> None:
    """To the letter, whatever is in it, and with the names of its audience, which are no part of its equality."""
    read = read_approval(row.run_id, row.key, approval_value(row))
    assert (read, read.audience) == (row, row.audience)


@given(NOTICES)
def test_a_notice_comes_back(row: NoticeRow) -> None:
    """To the letter, whatever is in it, and whatever its key is."""
    assert read_notice(row.run_id, b"t" + row.key.encode(), notice_value(row)) == row


@given(st.builds(Entry, TEXTS, VERSIONS, HASHES, TEXTS))
def test_an_entry_comes_back(entry: Entry) -> None:
    """To the letter, whether or not its hash is one."""
    assert read_entry(entry.run_id, b"e" + packed_version(entry.seq), entry_value(entry)) == entry


@given(TIMES, TIMES)
def test_packed_times_sort_as_times_do(one: int, other: int) -> None:
    """Byte by byte, before 1970 too; no time comes after all of them."""
    assert (packed_time(one) < packed_time(other)) == (one < other)
    assert packed_time(one) < packed_time(None)


@given(st.lists(st.tuples(TIMES, TEXTS, TEXTS), max_size=6))
def test_places_sort_as_listings_do(places: list[tuple[int, str, str]]) -> None:
    """Byte by byte as by time, id and key, which Python compares by code point; and they can be read again."""
    packed = sorted(approval_place(*place) for place in places)
    assert list(map(read_approval_place, packed)) == sorted(places)
    runs = sorted(run_place(at, run_id) for at, run_id, _ in places)
    assert list(map(read_run_place, runs)) == sorted((at, run_id) for at, run_id, _ in places)


@given(st.lists(st.tuples(TEXTS, ANYTHING), max_size=6))
def test_places_of_notices_sort_as_listings_do(places: list[tuple[str, str]]) -> None:
    """Byte by byte as by id and key; a key may hold anything, and comes back."""
    assert list(map(read_notice_place, sorted(notice_place(*place) for place in places))) == sorted(places)


async def test_parts_of_every_length_come_back(store: RedisStore) -> None:
    """Each way in which MessagePack writes a length is read, and each that the number of parts has."""
    sizes = (0, 1, 27, 28, 31, 32, 251, 252, 255, 256, 65531, 65532, 65535, 65536, 70000)
    steps = tuple(step_row(key=str(size), body="x" * size) for size in sizes)
    (await store.commit(changes(runs=(run_row(),), steps=steps))).unwrap()
    assert (await store.load("run")).steps == steps
    more = tuple(step_row("many", str(number)) for number in range(40_000))
    (await store.commit(changes(runs=(run_row("many"),), steps=more))).unwrap()
    assert (await store.load("many")).steps == more
