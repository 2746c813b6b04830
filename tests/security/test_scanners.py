"""What scanners, previews and prefetchers do to links: they open all of them, by all the methods that only look."""

from __future__ import annotations

import re
from itertools import product

import pytest

from awaitly import Actor, SignedLinks
from awaitly_web.pages import PAGES
from awaitly_web.table import ROUTES
from tests.security.everywhere import ADMIN, BASE, LINKS, SECRET, Everywhere, transfer

SCANNERS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) SafeLinks",
    "Mozilla/5.0 (compatible; Proofpoint URL Defense)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1",
    "",
]
METHODS = ["GET", "HEAD", "OPTIONS"]
ADDRESS = re.compile(r"(?:href|src|action|data-live)=\"([^\"#]+)\"")


async def scanned(world: Everywhere, urls: set[str], who: str = "") -> set[str]:
    """Open each URL by each method as each scanner; gives what the pages lead to. Whatever is wrong is a 4xx."""
    found: set[str] = set()
    for url, method, agent in product(sorted(urls), METHODS, SCANNERS):
        answer = await world.fetch(method, url, user_agent=agent, authorization=f"Bearer {who}")
        assert answer.status < 500, (method, url)
        if method == "GET" and answer.headers.get("content-type", "").startswith("text/html"):
            found |= {address.replace("&amp;", "&") for address in ADDRESS.findall(answer.text)}
    return found


async def test_scanners_open_every_link_of_every_notice_and_decide_nothing(world: Everywhere) -> None:
    """Each URL of each mail, message and body, and all that its page leads to: not one row of the store differs."""
    ways: dict[str, int] = {}
    async for kind in world.all_kinds():
        links = world.urls()
        ways |= {name: len(urls) for name, urls in links.items()}
        urls = {url for each in links.values() for url in each}
        assert urls
        claims = [LINKS.read(url.removeprefix(f"{BASE}/a/"), world.clock()).unwrap() for url in urls]
        assert {claim.person.name for claim in claims} <= {"mona", "boss"}
        before = world.rows()
        led_to = await scanned(world, urls)
        assert any(path.startswith("/a/") and "/live" in path for path in led_to)
        await scanned(world, led_to)
        assert world.rows() == before, kind
    assert world.kinds == {"needed", "reminder", "escalated", "changed", "resolved", "review"}
    assert {name for name, count in ways.items() if count} == {"mail", "slack", "apprise"}
    assert world.slack.replies


async def test_a_post_to_such_a_link_does_change_the_rows(world: Everywhere) -> None:
    """So the comparison would notice: the form of the page that a link leads to decides."""
    await world.orchestrator.start(transfer(SECRET), run_id="r1")
    await world.told()
    before = world.rows()
    (link, *_) = sorted(world.urls()["mail"])
    page = await world.fetch("GET", link)
    cookie = page.headers["set-cookie"].partition(";")[0]
    (approval,) = (await world.orchestrator.pending()).items
    form = f"do=approve&revision=1&digest={approval.digest}&csrf_token={cookie.partition('=')[2]}"
    kind = "application/x-www-form-urlencoded"
    done = await world.fetch("POST", link, form.encode(), cookie=cookie, content_type=kind)
    assert (done.status, world.rows() == before) == (303, False)


@pytest.mark.parametrize("who", [ADMIN, "mona:decider", ""])
async def test_looking_at_any_route_changes_no_row(world: Everywhere, who: str) -> None:
    """All of the API, all pages, all live updates, signed in or not: by GET, HEAD and OPTIONS nothing is written."""
    await world.orchestrator.start(transfer(SECRET), run_id="r1", requested_by="rita")
    await world.told()
    token = min(world.urls()["mail"]).rpartition("/")[2]
    named = {"run_id": "r1", "key": "manager", "workflow": "transfer", "chain": "x", "name": "inbox.js"}
    paths = {route.path.format(**named, promise_id="x@r1", token=token) for route in (*ROUTES, *PAGES)}
    assert len(paths) > 40
    before = world.rows()
    await scanned(world, paths, who)
    assert world.rows() == before


async def test_a_link_of_another_key_shows_nothing(world: Everywhere) -> None:
    """Whoever does not have the key makes no links: not even the question is shown."""
    await world.orchestrator.start(transfer(SECRET), run_id="r1", requested_by="rita")
    await world.told()
    other = SignedLinks(base_url=BASE, keys="x" * 40)
    (delivery,) = world.deliveries
    forged, own = other.url(delivery, Actor("mona")), LINKS.url(delivery, Actor("mona"))
    assert forged is not None
    assert own is not None
    shown = [await world.fetch("GET", url) for url in (forged, own)]
    assert [(page.status, "Pay 120" in page.text) for page in shown] == [(404, False), (200, True)]
