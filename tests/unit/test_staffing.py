"""Absences: who may say them, from when until when they hold, how far they go, and what is refused."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from attrs import evolve

from awaitly import Actor, Err, NotAuthorised, Ok, Quorum, Rule
from awaitly.changing import changed
from awaitly.storage.records import absence_id, row_of_absence
from awaitly.testing import TestClock
from tests.support import ADMIN, SharedStore, error_of
from tests.unit.offices import Office, office_in

ANN = Actor("ann", ["manager"])
DAY, MICROSECOND = timedelta(days=1), timedelta(microseconds=1)


@pytest_asyncio.fixture
async def near(store: SharedStore) -> AsyncIterator[Office]:
    """Open an office in memory alone, for what is judged before anything is written."""
    async with office_in(store) as opened:
        yield opened


@pytest_asyncio.fixture
async def office(each_store: SharedStore) -> AsyncIterator[Office]:
    """Open an office without rules."""
    async with office_in(each_store) as opened:
        yield opened


async def away(office: Office, *pairs: str) -> list[str | None]:
    """Say of each pair of letters that the first is away for a day, and the second stands in; give why not."""
    said = [await office.orchestrator.away(pair[0], to=pair[1], until="1d") for pair in pairs]
    return [None if isinstance(each, Ok) else error_of(each).reason for each in said]


# Who is listed by them


async def test_whoever_stands_in_is_listed_by_name_and_by_roles(office: Office) -> None:
    """By the roles that the absent one is said to hold; and the absent one still is."""
    await office.ask("name", approvers=["ann"])
    await office.ask("role", approvers=["role:manager"])
    await office.ask("none", approvers=["role:director"])
    (await office.orchestrator.away(ANN, to="bob", until="1d")).unwrap()
    assert await office.listed("bob", ANN, "ann") == [["name", "role"], ["name", "role"], ["name"]]


async def test_what_was_asked_later_is_listed_too(office: Office) -> None:
    """An absence is of a person, and not of what waits."""
    await away(office, "ab")
    await office.ask("r", approvers=["a"])
    assert await office.listed("b") == [["r"]]


async def test_three_may_stand_in_for_each_other_in_a_row(office: Office) -> None:
    """And each along the way is listed."""
    await office.ask("r", approvers=["a"])
    assert await away(office, "ab", "bc", "cd") == [None] * 3
    assert await office.listed("a", "b", "c", "d", "e") == [["r"], ["r"], ["r"], ["r"], []]
    assert (await office.orchestrator.approve("r", by="d")).unwrap().approval.votes[0].by == Actor(
        "d", on_behalf_of="a"
    )


async def test_what_an_absent_one_has_voted_on_is_not_listed(office: Office) -> None:
    """They have one vote together, whoever casts it."""
    await office.ask("r", approvers=["a", "z"], needs=2)
    await office.ask("s", approvers=["a", "z"], needs=2)
    await away(office, "ab")
    (await office.orchestrator.approve("r", by="a")).unwrap()
    (await office.orchestrator.approve("s", by="b")).unwrap()
    assert await office.listed("a", "b", "z") == [[], [], ["r", "s"]]


async def test_what_an_absent_one_requested_is_not_listed(office: Office) -> None:
    """Nor what whoever stands in has requested."""
    await office.ask("r", by="a", approvers=["a", "z"])
    await office.ask("s", by="b", approvers=["a", "z"])
    await away(office, "ab")
    assert await office.listed("b") == [[]]


@pytest.mark.parametrize("voter", ["a", "b"])
async def test_of_two_who_are_away_the_one_who_has_not_voted_counts(office: Office, voter: str) -> None:
    """Whoever stands in for both is still to vote for one; but no human has two votes."""
    await office.ask("r", approvers=["a", "b"], needs=2)
    await away(office, "ac", "bc")
    (await office.orchestrator.approve("r", by=voter)).unwrap()
    assert await office.listed("c") == [["r"]]


async def test_a_rule_of_the_absent_one_is_not_lent(each_store: SharedStore) -> None:
    """The application's own rules are asked of whoever is there."""
    known = Rule("known", lambda actor, _: actor.name == "a")
    async with office_in(each_store, [known]) as office:
        await office.ask("r", approvers=[known])
        await away(office, "ab")
        assert await office.listed("a", "b") == [["r"], []]


async def test_a_program_stands_in_for_nobody(office: Office) -> None:
    """Who acts for one human already does not act for another."""
    await office.ask("r", approvers=["a"])
    await away(office, "ab")
    assert await office.listed(Actor("b", on_behalf_of="z"), "b") == [[], ["r"]]


async def test_several_seats_of_an_absent_one_are_listed_once(office: Office) -> None:
    """In whichever quorum."""
    await office.ask("r", approvers=["a"], also=[Quorum(["role:manager"])])
    (await office.orchestrator.away(Actor("a", ["manager"]), to="b", until="1d")).unwrap()
    assert await office.listed("b") == [["r"]]


# When


async def test_an_absence_begins_at_its_moment(office: Office, clock: TestClock) -> None:
    """Not before, and at it."""
    await office.ask("r", approvers=["ann"])
    (await office.orchestrator.away("ann", to="bob", since=clock() + DAY, until="1d")).unwrap()
    clock.advance(DAY - MICROSECOND)
    assert await office.listed("bob") == [[]]
    clock.advance(MICROSECOND)
    assert await office.listed("bob") == [["r"]]


async def test_an_absence_is_over_at_its_moment(office: Office, clock: TestClock) -> None:
    """Until just before."""
    await office.ask("r", approvers=["ann"])
    absence = (await office.orchestrator.away("ann", to="bob", until="1d")).unwrap()
    assert (absence.since, absence.until) == (clock(), clock() + DAY)
    clock.advance(DAY - MICROSECOND)
    assert await office.listed("bob") == [["r"]]
    clock.advance(MICROSECOND)
    assert await office.listed("bob") == [[]]
    assert isinstance(error_of(await office.orchestrator.approve("r", by="bob")), NotAuthorised)


@pytest.mark.parametrize("until", [timedelta(), -MICROSECOND, -DAY])
async def test_what_is_over_already_is_refused(office: Office, clock: TestClock, until: timedelta) -> None:
    """At this moment, or before."""
    refusal = error_of(await office.orchestrator.away("ann", to="bob", since=clock() - 2 * DAY, until=clock() + until))
    assert "before it begins" in refusal.reason
    assert await office.orchestrator.absences() == ()


async def test_what_ends_before_it_begins_is_refused(office: Office, clock: TestClock) -> None:
    """Though both are still to come."""
    refusal = error_of(await office.orchestrator.away("ann", to="bob", since=clock() + 2 * DAY, until=clock() + DAY))
    assert "before it begins" in refusal.reason


async def test_a_time_without_a_zone_is_refused(office: Office, clock: TestClock) -> None:
    """Be it the beginning or the end."""
    naive = (clock() + DAY).replace(tzinfo=None)
    times: list[tuple[datetime | None, datetime | str]] = [(None, naive), (naive, "1d"), (naive, clock() + 2 * DAY)]
    for since, until in times:
        refusal = error_of(await office.orchestrator.away("ann", to="bob", since=since, until=until))
        assert refusal.reason == "its times need a time zone"


@pytest.mark.parametrize("to", ["ann", "", " ", "*", "role:manager", "rule:known", "name:bob"])
async def test_only_one_other_person_stands_in(office: Office, to: str) -> None:
    """By name; neither oneself, nor a role or a rule, nor everybody."""
    refusal = error_of(await office.orchestrator.away("ann", to=to, until="1d"))
    assert refusal.reason == "name the one person who stands in, somebody else"


# Who says so


async def test_an_admin_may_say_it_of_others(office: Office) -> None:
    """And that they are back."""
    absence = (await office.orchestrator.away("ann", to="bob", until="1d", by=ADMIN)).unwrap()
    assert await office.orchestrator.absences() == (absence,)
    assert await office.orchestrator.back("ann", by=ADMIN) == Ok((absence,))


async def test_a_stranger_may_not_say_it(office: Office) -> None:
    """Nor whoever is to stand in, be it somebody's manager."""
    for stranger in ("bob", Actor("mona", ["manager"])):
        assert (
            "may not say this of ann"
            in error_of(await office.orchestrator.away("ann", to="bob", until="1d", by=stranger)).reason
        )
    assert await office.orchestrator.absences() == ()


async def test_a_stranger_may_not_call_anybody_back(office: Office) -> None:
    """Not even the one who stands in."""
    (await office.orchestrator.away("ann", to="bob", until="1d")).unwrap()
    assert "may not say this of ann" in error_of(await office.orchestrator.back("ann", by="bob")).reason
    assert len(await office.orchestrator.absences()) == 1


async def test_back_ends_all_of_ones_own_absences_and_no_others(office: Office) -> None:
    """To whomever, also those still to come."""
    await away(office, "ab", "ac", "xb")
    ended = (await office.orchestrator.back("a")).unwrap()
    assert {(each.owner.name, each.to) for each in ended} == {("a", "b"), ("a", "c")}
    assert [each.owner.name for each in await office.orchestrator.absences()] == ["x"]


async def test_who_is_there_is_back_already(office: Office) -> None:
    """That is no refusal."""
    assert await office.orchestrator.back("ann") == Ok(())


async def test_the_same_two_again_replace_what_was_said(office: Office, clock: TestClock) -> None:
    """Roles and times."""
    (await office.orchestrator.away(ANN, to="bob", until="9d")).unwrap()
    shorter = (await office.orchestrator.away("ann", to="bob", until="1d")).unwrap()
    assert await office.orchestrator.absences() == (shorter,)
    assert (shorter.owner.roles, shorter.until) == (frozenset(), clock() + DAY)


async def test_absences_are_listed_in_their_order(office: Office, clock: TestClock) -> None:
    """The first to go first; of one person on demand."""
    later = (await office.orchestrator.away("a", to="c", since=clock() + DAY, until="1d")).unwrap()
    sooner = (await office.orchestrator.away("b", to="d", until="1d")).unwrap()
    assert await office.orchestrator.absences() == (sooner, later)
    assert await office.orchestrator.absences(to="c") == (later,)


# How far


@pytest.mark.parametrize("pairs", list(itertools.permutations(["ab", "bc", "ca"])))
async def test_no_absences_go_round(near: Office, pairs: tuple[str, ...]) -> None:
    """Whichever is said last is refused."""
    *said, why = await away(near, *pairs)
    assert said == [None, None]
    assert why is not None
    assert why.startswith("it would go round: ")


@pytest.mark.parametrize("pairs", list(itertools.permutations(["ab", "bc", "bd", "da"])))
async def test_every_one_who_stands_in_for_somebody_is_followed(near: Office, pairs: tuple[str, ...]) -> None:
    """A person may be away to several: whichever of these ways closes the circle, one absence is refused."""
    whys = [why for why in await away(near, *pairs) if why is not None]
    assert [why.partition(":")[0] for why in whys] == ["it would go round"]


@pytest.mark.parametrize("pairs", list(itertools.permutations(["ab", "bc", "cd", "de"])))
async def test_no_absences_go_over_more_than_three(near: Office, pairs: tuple[str, ...]) -> None:
    """Whichever is said last is refused, be it in the middle: those would stand in for nobody that far off."""
    *said, why = await away(near, *pairs)
    assert said == [None] * 3
    assert why == "it would go over too many: a to b to c to d to e"


async def test_absences_one_after_the_other_make_no_circle(office: Office, clock: TestClock) -> None:
    """Only those of one moment do: today for one another, tomorrow the other way round."""
    await away(office, "ab")
    said = await office.orchestrator.away("b", to="a", since=clock() + DAY, until="1d")
    assert isinstance(said, Ok)


async def test_absences_that_never_meet_make_no_circle(office: Office, clock: TestClock) -> None:
    """A long one meets each of two, which do not meet each other."""
    (await office.orchestrator.away("b", to="c", until="1d")).unwrap()
    (await office.orchestrator.away("c", to="a", since=clock() + DAY, until="1d")).unwrap()
    assert isinstance(await office.orchestrator.away("a", to="b", until="2d"), Ok)


async def test_overlapping_absences_of_one_person_hold_each_for_itself(office: Office, clock: TestClock) -> None:
    """Each of those who stand in does, until that one's time."""
    await office.ask("r", approvers=["a"])
    (await office.orchestrator.away("a", to="b", until="2d")).unwrap()
    (await office.orchestrator.away("a", to="c", since=clock() + DAY, until="2d")).unwrap()
    shown: list[list[list[str]]] = []
    for _ in range(4):
        shown.append(await office.listed("b", "c"))
        clock.advance(DAY)
    assert shown == [[["r"], []], [["r"], ["r"]], [[], ["r"]], [[], []]]


async def test_circles_that_two_processes_made_at_once_let_each_in_once(office: Office, clock: TestClock) -> None:
    """What no look beforehand can rule out ends by itself where it is read."""
    await office.ask("r", approvers=["a"])
    absence = (await office.orchestrator.away("a", to="b", until="1d")).unwrap()
    await office.store.change_run(row_of_absence(changed(absence, owner=Actor("b"), to="a"), 1, clock()))
    assert await office.listed("a", "b") == [["r"], ["r"]]


# Damage


@pytest.mark.parametrize("body", ["", "{}", '{"owner":["ann","manager"],"to":"bob","until":1}', '{"owner":"ann"}'])
async def test_a_damaged_absence_lets_nobody_in(office: Office, body: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and another one still does."""
    await office.ask("r", approvers=["ann"])
    await office.ask("s", approvers=["zoe"])
    absence = (await office.orchestrator.away("ann", to="bob", until="1d")).unwrap()
    (await office.orchestrator.away("zoe", to="bob", until="1d")).unwrap()
    row = row_of_absence(absence, 2, absence.since)
    await office.store.change_run(evolve(row, body=body))
    with caplog.at_level(logging.WARNING):
        assert await office.listed("bob") == [["s"]]
    assert "event=absence_damaged" in caplog.text
    assert isinstance(error_of(await office.orchestrator.approve("r", by="bob")), NotAuthorised)


async def test_an_absence_under_anothers_id_lets_nobody_in(office: Office) -> None:
    """An id says whom a row is for: where what it holds is of others, it is damaged."""
    await office.ask("r", approvers=["ann"])
    absence = (await office.orchestrator.away("zoe", to="bob", until="1d")).unwrap()
    forged = row_of_absence(changed(absence, owner=Actor("ann")), 2, absence.since)
    await office.store.change_run(evolve(forged, run_id=absence_id("zoe", "bob")))
    assert await office.listed("bob") == [[]]


async def test_a_damaged_absence_is_replaced_by_the_next(office: Office) -> None:
    """Saying it once more mends it."""
    absence = (await office.orchestrator.away("ann", to="bob", until="1d")).unwrap()
    await office.store.change_run(evolve(row_of_absence(absence, 2, absence.since), body="{}"))
    assert await office.orchestrator.absences() == ()
    assert await office.orchestrator.away("ann", to="bob", until="1d") == Ok(absence)
    assert await office.orchestrator.absences() == (absence,)


async def test_a_seat_is_handed_to_nobody_without_a_name(office: Office) -> None:
    """That is a refusal, and no exception."""
    await office.ask("r", by="zed", approvers=["ann"])
    for to in ("", " ", "*", "role:manager", "rule:known"):
        refused = await office.orchestrator.delegate("r", to=to, by="ann")
        assert isinstance(refused, Err)
        assert "by their name" in str(error_of(refused))
