from __future__ import annotations

import re
from html import unescape

import pytest

from awaitly import ApprovalStatus
from tests.adapters.inbox.support import APPROVAL, Served

SCANNERS = [
    "Mozilla/5.0 (Windows NT 10.0) SafeLinks",
    "Slackbot-LinkExpanding 1.0",
    "facebookexternalhit/1.1",
    "curl/8",
]


async def test_a_form_decides(served: Served) -> None:
    """A form with its token, as a browser sends it, is a decision by whoever is signed in."""
    await served.parked()
    done = await served.post(APPROVAL, do="approve")
    assert (done.status_code, done.headers["location"]) == (303, f"{APPROVAL}?told=approve")
    approval = await served.approval()
    assert approval.status is ApprovalStatus.APPROVED


async def test_a_link_decides_for_the_person_it_was_made_for(served: Served) -> None:
    """Nobody is signed in; the policy judges the person of the link."""
    await served.parked()
    stranger = await served.post(await served.link("eve"), who="", do="approve")
    assert stranger.status_code == 403
    assert (await served.approval()).pending
    done = await served.post(await served.link(), who="", do="approve")
    assert done.status_code == 303
    closing = (await served.approval()).closing
    assert closing is not None
    assert closing.by.name == "ann"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_looking_writes_nothing(served: Served, method: str) -> None:
    """Whatever opens a page or a link, the records stay as they were."""
    await served.parked()
    before = (await served.orchestrator.history("r1")).unwrap()
    for path in ("/", "/decided", "/runs/r1", APPROVAL, await served.link(), f"{APPROVAL}?do=approve"):
        for agent in SCANNERS:
            answer = await served.client.request(method, path, headers={"x-person": "ann", "user-agent": agent})
            assert answer.status_code < 500
    assert (await served.orchestrator.history("r1")).unwrap() == before


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"sec-fetch-site": "cross-site"}, {}),
        ({"sec-fetch-site": "same-site"}, {}),
        ({"origin": "https://evil.example"}, {}),
        ({}, {"csrf_token": "x" * 43}),
        ({}, {"csrf_token": ""}),
        ({"cookie": ""}, {}),
    ],
)
async def test_a_forged_form_is_refused(served: Served, headers: dict[str, str], fields: dict[str, str]) -> None:
    """From another site, or without the page's token, nothing is decided, by link or signed in."""
    await served.parked()
    for path, who in ((APPROVAL, "ann"), (await served.link(), "")):
        refused = await served.post(path, who, headers=headers, do="approve", **fields)
        assert refused.status_code == 403
    assert (await served.approval()).pending


async def test_many_are_not_rejected_for_a_reason_without_end(served: Served) -> None:
    """The reason for many is as long as one alone may have it; a longer one rejects nothing."""
    await served.parked()
    items = re.findall(r'name="item" value="([^"]+)"', (await served.get("/")).text)
    item = unescape(items[0])
    refused = await served.post("/", item=item, do="reject", reason="x" * 10_001)
    assert (refused.status_code, (await served.approval()).pending) == (422, True)
    assert "a reason has at most 10,000 characters" in refused.text
    await served.post("/", item=item, do="reject", reason="x" * 10_000)
    assert (await served.approval()).status.value == "rejected"


async def test_a_decision_on_what_was_changed_meanwhile_is_refused_in_words(served: Served) -> None:
    """The page comes back with what there is now, and says why nothing was decided."""
    approval = await served.parked()
    refused = await served.post(APPROVAL, do="approve", digest="v1:" + "0" * 64)
    assert refused.status_code == 409
    assert "look at the current content" in refused.text
    assert approval == await served.approval()


async def test_pages_say_what_browsers_may_do_with_them(served: Served) -> None:
    """Nothing is kept, framed, guessed or loaded from elsewhere, and no address is told to anybody."""
    await served.parked()
    for path in ("/", APPROVAL, await served.link(), "/a/nonsense", "/runs/none"):
        page = await served.get(path)
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert "style=" not in page.text


async def test_what_is_nobodys_business_is_not_there(served: Served) -> None:
    """Without the permission to see all, a stranger's page is the same as that of a run that there is not."""
    await served.parked()
    strange = await served.get(APPROVAL, "eve")
    none = await served.get("/runs/none/approvals/boss", "eve")
    assert (strange.status_code, none.status_code) == (404, 404)
    assert "Spend" not in strange.text
    assert (await served.get("/live/runs/r1", "eve")).status_code == 404


async def test_the_pages_are_not_in_the_apis_description(served: Served) -> None:
    """Programs are told of the API alone."""
    paths = (await served.get("/api/openapi.json")).json()["paths"]
    assert [path for path in paths if not path.startswith(("/api/", "/hooks/", "/health", "/live/"))] == []


@pytest.mark.parametrize(
    "value",
    [
        "[" * 900 + "]" * 900,
        '{"a":' * 500 + "1" + "}" * 500,
        "[" + ",".join(["1"] * 20_000) + "]",
        '{"amount": 1, "amount": 7, "iban": "x"}',
        "NaN",
    ],
)
async def test_what_is_too_much_for_a_body_is_too_much_for_a_form(served: Served, value: str) -> None:
    """It is refused at once, and no field is drawn for each of its values."""
    await served.parked()
    refused = await served.post(APPROVAL, do="confirm", revision="1", digest="x", value=value)
    assert refused.status_code == 422
    assert len(refused.text) < 50_000
