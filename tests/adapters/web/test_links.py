from __future__ import annotations

import logging
import traceback
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from attrs import evolve
from itsdangerous import URLSafeSerializer

from awaitly import (
    Actor,
    Delivery,
    LinkClaim,
    LinkRefused,
    NoticeKind,
    Orchestrator,
    SignedLinks,
    TokenTooLong,
    Undeliverable,
)
from awaitly.testing import TestClock
from awaitly_web.opening import Opened, opened
from awaitly_web.site import Site
from awaitly_web.table import ROUTES
from tests.adapters.web.support import PERMITS, WORKFLOWS, Web, open_web, who
from tests.support import SharedStore, error_of

CANARY = "canary-key-of-links-0123456789abcdef"
LINKS = SignedLinks(base_url="https://inbox.example", keys=(CANARY,))
ANN = Actor("ann", ["manager"])


def site_of(web: Web, links: SignedLinks | None = LINKS) -> Site:
    """Give the site with links."""
    return Site(orchestrator=web.orchestrator, authenticate=who, permits=PERMITS, links=links, routes=ROUTES)


async def claim_of(web: Web, clock: TestClock, run_id: str = "r1") -> LinkClaim:
    """Give what a link to an approval says today."""
    shown = await web.shown(run_id)
    return LinkClaim(run_id, "manager", shown["revision"], shown["digest"], ANN, clock() + timedelta(days=1))


async def test_a_link_shows_its_approval_to_its_person(web: Web, clock: TestClock, store: SharedStore) -> None:
    """It gives who may look and what there is, and writes nothing."""
    await web.parked("r1")
    claim = await claim_of(web, clock)
    store.reset()
    found = (await opened(site_of(web), LINKS.token(claim))).unwrap()
    assert isinstance(found, Opened)
    assert (found.claim, found.approval.key, store.written) == (claim, "manager", 0)
    assert found.claim.person.via == "link"


async def test_a_link_to_what_is_decided_still_shows_it(web: Web, clock: TestClock) -> None:
    """Whoever comes late is told how it ended."""
    await web.parked("r1")
    token = LINKS.token(await claim_of(web, clock))
    await web.orchestrator.approve("r1", "manager", by="bob")
    assert (await opened(site_of(web), token)).unwrap().approval.status.value == "approved"


async def test_a_link_to_what_was_edited_is_stale(web: Web, clock: TestClock) -> None:
    """Another revision is something else; so is a run that is gone."""
    await web.parked("r1")
    claim = await claim_of(web, clock)
    token = LINKS.token(claim)
    (await web.orchestrator.edit("r1", "manager", {"amount": 1, "iban": "x"}, by="bob")).unwrap()
    gone = LINKS.token(evolve(claim, run_id="r2"))
    other = LINKS.token(evolve(claim, key="other"))
    assert [error_of(await opened(site_of(web), each)) for each in (token, gone, other)] == [LinkRefused.STALE] * 3


async def test_a_link_ends_by_the_stores_clock(web: Web, clock: TestClock) -> None:
    """At its time it is over."""
    await web.parked("r1")
    token = LINKS.token(await claim_of(web, clock))
    clock.advance("1d")
    assert error_of(await opened(site_of(web), token)) is LinkRefused.EXPIRED


async def test_every_claim_is_signed(web: Web, clock: TestClock) -> None:
    """With any of them swapped under the old signature it is nobody's link."""
    await web.parked("r1")
    claim = await claim_of(web, clock)
    payload, _, signature = LINKS.token(claim).rpartition(".")
    swaps: list[dict[str, Any]] = [
        {"run_id": "r2"},
        {"key": "other"},
        {"revision": 2},
        {"digest": "v1:other"},
        {"person": Actor("eve", ["manager"])},
        {"person": Actor("ann", ["admin"])},
        {"until": claim.until + timedelta(days=365)},
    ]
    for swap in swaps:
        forged, _, _ = LINKS.token(evolve(claim, **swap)).rpartition(".")
        assert forged != payload
        assert error_of(await opened(site_of(web), f"{forged}.{signature}")) is LinkRefused.NOT_OURS


async def test_a_changed_character_is_nobodys_link(web: Web, clock: TestClock) -> None:
    """Wherever it stands; and so is what never was one."""
    await web.parked("r1")
    token, site = LINKS.token(await claim_of(web, clock)), site_of(web)
    for place in range(0, len(token) - 1, 5):
        changed = f"{token[:place]}{'A' if token[place] != 'A' else 'B'}{token[place + 1 :]}"
        assert error_of(await opened(site, changed)) is LinkRefused.NOT_OURS
    for other in ("", ".", "a.b", "ä", "\x00", "x" * 10_000, token + "A", token[:-1]):
        assert error_of(await opened(site, other)) is LinkRefused.NOT_OURS


async def test_a_link_that_could_not_be_read_back_is_not_made(web: Web, clock: TestClock) -> None:
    """It says how long it would be and why; of as many roles as fit each comes back."""
    await web.parked("r1")
    claim = await claim_of(web, clock)
    roles = [sha256(bytes([number])).hexdigest() for number in range(200)]
    kept, told = 0, ""
    for count in range(1, 200):
        many = evolve(claim, person=Actor("ann", roles[:count]))
        try:
            token = LINKS.token(many)
        except TokenTooLong as refused:
            told = str(refused)
            break
        assert LINKS.read(token, clock()).unwrap() == many
        kept = count
    assert 30 < kept < 150
    assert told.startswith("a link for 'ann' takes 4,")
    assert f"characters with {kept + 1} roles, and 4,096 are read" in told


async def test_a_notice_with_such_a_link_is_undeliverable(web: Web, clock: TestClock) -> None:
    """No later try could help: it is listed among the dead letters with the reason, and nothing goes out half."""
    await web.parked("r1")
    many = Actor("ann", [sha256(bytes([number])).hexdigest() for number in range(200)])
    approval = (await web.orchestrator.pending()).items[0]
    about = Delivery(
        id="n1",
        kind=NoticeKind.NEEDED,
        at=clock(),
        made_at=clock(),
        run_id="r1",
        workflow="refund",
        approval=approval,
    )
    with pytest.raises(Undeliverable, match=r"a link for 'ann' takes .* with 200 roles") as caught:
        LINKS.url(about, many)
    assert isinstance(caught.value.__cause__, TokenTooLong)


async def test_keys_of_links_rotate(web: Web, clock: TestClock) -> None:
    """The old key's links are good while it is listed, and no longer."""
    await web.parked("r1")
    old, new = "o" * 32, "n" * 32
    links = [SignedLinks(base_url="https://x.example", keys=keys) for keys in ((old,), (new, old), (new,))]
    claim = await claim_of(web, clock)
    before, after = links[0].token(claim), links[1].token(claim)
    assert (await opened(site_of(web, links[1]), before)).unwrap().claim == claim
    assert error_of(await opened(site_of(web, links[2]), before)) is LinkRefused.NOT_OURS
    assert (await opened(site_of(web, links[2]), after)).unwrap().claim == claim
    assert error_of(await opened(site_of(web, links[0]), after)) is LinkRefused.NOT_OURS


@pytest.mark.parametrize("salt", ["awaitly.session.v1", "itsdangerous", "awaitly.link.v2"])
async def test_a_token_for_another_purpose_is_no_link(web: Web, clock: TestClock, salt: str) -> None:
    """The same key signs under another salt for each purpose; and the default digest is not taken either."""
    await web.parked("r1")
    claim = await claim_of(web, clock)
    told = [claim.run_id, claim.key, claim.revision, claim.digest, "ann", ["manager"], 2**50]
    other: Any = URLSafeSerializer(CANARY, salt=salt).dumps(told)
    weak: Any = URLSafeSerializer(CANARY, salt="awaitly.link.v1").dumps(told)
    for token in (other, weak):
        assert error_of(await opened(site_of(web), token)) is LinkRefused.NOT_OURS


async def test_without_links_there_are_none(web: Web) -> None:
    """An application that signs none takes none."""
    assert error_of(await opened(site_of(web, None), "x")) is LinkRefused.NOT_OURS


async def test_neither_tokens_nor_keys_are_logged_kept_or_printed(
    store: SharedStore, clock: TestClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the log of what breaks, not in a traceback, not in any row of the store."""
    caplog.set_level(logging.DEBUG)
    async with Orchestrator(store, workflows=WORKFLOWS) as orchestrator:
        async with open_web(orchestrator, links=LINKS, permits=_broken) as web:
            await web.parked("r1")
            token = LINKS.token(await claim_of(web, clock))
            for path in (f"/a/{token}", f"/api/runs/{token}"):
                await web.by("ann:admin").get(path)
        (await opened(site_of(web), token)).unwrap()
        found = await store.load("r1")
    shown = f"{caplog.text}{found!r}{LINKS!r}{_traceback()}"
    assert "broke" in caplog.text
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("awaitly"))
    assert token not in ours
    assert CANARY not in shown


def _traceback() -> str:
    """Give the traceback of what is raised with links at hand."""
    try:
        LINKS.token(LinkClaim("r1", "manager", 1, object(), ANN, None))  # type: ignore[arg-type]  # it is to break
    except (TypeError, AttributeError):
        return traceback.format_exc()
    raise AssertionError


def _broken(_: object) -> frozenset[Any]:
    raise RuntimeError("broken")
