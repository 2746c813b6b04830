"""Links of real notices that are used again, late, or by somebody else: they decide nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import pytest

from awaitly import Actor
from tests.security.everywhere import SECRET, Everywhere, Page, transfer

FORM = "application/x-www-form-urlencoded"
Change = Callable[[Everywhere], Awaitable[object]]


async def opened(world: Everywhere) -> tuple[str, Mapping[str, str]]:
    """Ask, and open the link of the mail in a browser; gives the link, and what the form of its page sends."""
    await world.orchestrator.start(transfer(SECRET), run_id="r1", requested_by="rita")
    await world.told()
    (link,) = world.urls()["mail"]
    page = await world.fetch("GET", link)
    token = page.headers["set-cookie"].partition(";")[0].partition("=")[2]
    (approval,) = (await world.orchestrator.pending()).items
    return link, {"csrf_token": token, "revision": "1", "digest": approval.digest}


async def sent(world: Everywhere, link: str, form: Mapping[str, str], who: str = "", **fields: str) -> Page:
    """Send the form, as the browser does that has opened the page."""
    body = "&".join(f"{name}={value}" for name, value in {**form, **fields}.items()).encode()
    cookie = f"__Host-awaitly-csrf={form['csrf_token']}"
    bearer = {"authorization": f"Bearer {who}"} if who else {}
    return await world.fetch("POST", link, body, cookie=cookie, content_type=FORM, **bearer)


async def test_a_link_decides_once(world: Everywhere) -> None:
    """The same form again is the same decision, another one is refused; the ledger has one."""
    link, form = await opened(world)
    assert (await sent(world, link, form, do="approve")).status == 303
    before = world.rows()
    assert (await sent(world, link, form, do="approve")).status == 303
    assert (await sent(world, link, form, do="reject", reason="no")).status == 409
    assert world.rows() == before


async def edited(world: Everywhere) -> None:
    """Change what is proposed."""
    changed = {"amount": 1, "to": {"iban": SECRET}}
    (await world.orchestrator.edit("r1", "manager", changed, by="erin")).unwrap()


async def cancelled(world: Everywhere) -> None:
    """Withdraw the run."""
    (await world.orchestrator.cancel("r1", by=Actor("rita"))).unwrap()


async def decided(world: Everywhere) -> None:
    """Have somebody else decide."""
    (await world.orchestrator.reject("r1", "manager", by=Actor("max", ["manager"]))).unwrap()


async def past_its_deadline(world: Everywhere) -> None:
    """Wait until it is too late, with no worker about."""
    world.clock.advance("24h")


async def past_the_links_time(world: Everywhere) -> None:
    """Wait until the link is over."""
    world.clock.advance("7d")


CHANGES: Mapping[str, tuple[Change, int]] = {
    "edited": (edited, 409),
    "cancelled": (cancelled, 409),
    "decided": (decided, 409),
    "past its deadline": (past_its_deadline, 410),
    "past the link's time": (past_the_links_time, 410),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_an_old_link_decides_nothing(world: Everywhere, what: str) -> None:
    """Its page was open when things changed: approving, rejecting and editing are refused, and no row differs."""
    link, form = await opened(world)
    change, status = CHANGES[what]
    await change(world)
    before = world.rows()
    for do in ("approve", "reject"):
        assert (await sent(world, link, form, do=do)).status == status
    value = '{"amount":7,"to":{"iban":"x"}}'
    assert (await sent(world, link, form, do="confirm", value=value)).status == status
    assert world.rows() == before


async def test_a_link_that_was_passed_on_decides_for_nobody_else(world: Everywhere) -> None:
    """Whoever is signed in as somebody else is told so, whatever they may do themselves."""
    link, form = await opened(world)
    before = world.rows()
    for who in ("eve:decider", "max:decider,manager", "root:admin,manager"):
        assert (await sent(world, link, form, who, do="approve")).status == 403
    assert world.rows() == before


async def test_a_link_needs_the_token_of_its_page(world: Everywhere) -> None:
    """Another site that knows the link cannot have a browser send its form."""
    link, form = await opened(world)
    before = world.rows()
    assert (await sent(world, link, {**form, "csrf_token": "x" * 43}, do="approve", csrf_token="y" * 43)).status == 403
    body = f"do=approve&revision=1&digest={form['digest']}".encode()
    foreign = {"origin": "https://evil.example", "sec_fetch_site": "cross-site", "content_type": FORM}
    assert (await world.fetch("POST", link, body, **foreign)).status == 403
    assert world.rows() == before
