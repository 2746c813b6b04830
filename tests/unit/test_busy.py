"""What closing waits for: all that was under way when it began, and nothing that begins later."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from awaitly.working.roster import Roster


async def test_closing_waits_for_what_is_under_way_and_for_nothing_that_begins_later() -> None:
    """Two are inside when it closes, and another comes meanwhile: it is closed once the two have left."""
    roster = Roster(timedelta(seconds=30))
    with roster.busy, roster.busy:
        closing = asyncio.create_task(roster.close())
        await asyncio.sleep(0)
        later = roster.busy
        later.__enter__()
        assert not closing.done()
    await closing
    later.__exit__()


async def test_closing_waits_no_longer_than_a_lease() -> None:
    """What never ends is left: its run is anybody's by then."""
    roster = Roster(timedelta(milliseconds=1))
    with roster.busy:
        await roster.close()
    assert roster.closing
