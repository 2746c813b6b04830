from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.grounds import Ground
from tests.faults.lengths import SENDS, times
from tests.faults.lives import folder
from tests.faults.orders import Place
from tests.faults.tally import TALLY, Violated
from tests.faults.tellers import MOMENTS, lived

LIVES = -(-SENDS // (2 * len(MOMENTS)))
"""Lives for each moment, with two kills in each."""
MANY, HALF = times(LIVES), times(-(-LIVES // 2))
"""Of a long run; half as many for each moment of either of two places."""


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_kill_beside_a_send_loses_no_notice(place: Place, moment: str) -> None:
    """Whoever tells people is killed before or after: others tell them, in order, under the same id."""
    await lived(place, moment)


@pytest.mark.parametrize("moment", ["begun", "done"])
async def test_a_kill_beside_a_send_loses_no_notice_wherever_runs_are_kept(elsewhere: Place, moment: str) -> None:
    """The same on servers and in two stores, right before and after the send; the long run has all moments."""
    await lived(elsewhere, moment)


@pytest.mark.slow
@pytest.mark.store("sqlite")
@pytest.mark.parametrize("moment", MOMENTS)
async def test_many_kills_beside_a_send_lose_no_notice(moment: str) -> None:
    """Two hundred in a file of SQLite."""
    for _ in range(MANY):
        with folder() as here:
            await lived(Place.at(here), moment)


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
async def test_many_kills_beside_a_send_lose_no_notice_wherever_runs_are_kept(ground: Ground, moment: str) -> None:
    """Two hundred on each kind of server, and in two stores."""
    for _ in range(MANY):
        with folder() as here:
            await lived(ground(here), moment)


@pytest.mark.parametrize("hit", [1, 2])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_kill_between_two_places_repeats_neither(place: Place, moment: str, hit: int) -> None:
    """Whoever was told in one place is not told again because the process died at the other, whichever it was."""
    await lived(place, moment, hit=hit)


@pytest.mark.parametrize(("moment", "hit"), [("send.after", 1), ("sent.after", 1), ("begun", 2)])
async def test_a_kill_between_two_places_repeats_neither_wherever_runs_are_kept(
    elsewhere: Place, moment: str, hit: int
) -> None:
    """The same on servers and in two stores, as both places are known, and between the two."""
    await lived(elsewhere, moment, hit=hit)


@pytest.mark.slow
@pytest.mark.store("sqlite")
@pytest.mark.parametrize("hit", [1, 2])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_many_kills_between_two_places_repeat_neither(moment: str, hit: int) -> None:
    """Two hundred in a file of SQLite."""
    for _ in range(HALF):
        with folder() as here:
            await lived(Place.at(here), moment, hit=hit)


@pytest.mark.slow
@pytest.mark.parametrize("hit", [1, 2])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_many_kills_between_two_places_repeat_neither_wherever_runs_are_kept(
    ground: Ground, moment: str, hit: int
) -> None:
    """Two hundred on each kind of server, and in two stores."""
    for _ in range(HALF):
        with folder() as here:
            await lived(ground(here), moment, hit=hit)


@pytest.mark.parametrize("moment", ["send.after", "begun"])
async def test_the_kills_notice_a_store_that_takes_a_notice_for_sent(here: Path, moment: str) -> None:
    """Where what is taken counts as sent, somebody is never told."""
    with TALLY.aside(), pytest.raises(Violated, match="every notice arrives at least once"):
        await lived(Place.at(here), moment, hasty=True)
