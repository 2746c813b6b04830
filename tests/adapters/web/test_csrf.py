from __future__ import annotations

import pytest

from awaitly import Actor, DefinitionError
from awaitly_web import Request, Sessions, web_app
from awaitly_web.csrf import checked_origins, is_forged
from tests.adapters.web.support import Web, open_web, who
from tests.support import SharedStore

APPROVAL = "/api/runs/r1/approvals/manager/approve"
SESSIONS = Sessions(keys=("k" * 32,), secure=False)


async def signed_in(web: Web, name: str) -> str:
    """Sign somebody in, get the token, and give the `Cookie` header."""
    session = SESSIONS.cookie_of(Actor(name, ["decider"])).partition(";")[0]
    me = await web.client.get("/api/me", headers={"cookie": session})
    return f"{session}; {me.headers['set-cookie'].partition(';')[0]}"


def token_in(cookie: str) -> str:
    """Give the token that stands in a `Cookie` header."""
    return cookie.rpartition("=")[2]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"x-csrf-token": "wrong" * 10}, 403),
        ({"x-csrf-token": "TOKEN"}, 200),
        ({"x-csrf-token": "TOKEN", "origin": "http://inbox.example"}, 200),
        ({"x-csrf-token": "TOKEN", "origin": "https://inbox.example:80"}, 403),
        ({"x-csrf-token": "TOKEN", "origin": "http://evil.example"}, 403),
        ({"x-csrf-token": "TOKEN", "origin": "http://inbox.example.evil.example"}, 403),
        ({"x-csrf-token": "TOKEN", "origin": "null"}, 403),
        ({"x-csrf-token": "TOKEN", "origin": "http://[broken"}, 403),
        ({"x-csrf-token": "TOKEN", "sec-fetch-site": "same-origin"}, 200),
        ({"x-csrf-token": "TOKEN", "sec-fetch-site": "none"}, 200),
        ({"x-csrf-token": "TOKEN", "sec-fetch-site": "same-site"}, 403),
        ({"x-csrf-token": "TOKEN", "sec-fetch-site": "cross-site"}, 403),
        ({"x-csrf-token": "TOKEN", "sec-fetch-site": "cross-site", "origin": "https://desk.example"}, 200),
        ({"sec-fetch-site": "same-origin", "origin": "http://inbox.example"}, 403),
    ],
)
async def test_a_write_with_a_cookie_needs_its_site_and_its_token(
    web: Web, store: SharedStore, headers: dict[str, str], status: int
) -> None:
    """What comes from another site, or lacks the token of its cookie, decides nothing."""
    await web.parked("r1")
    async with open_web(web.orchestrator, authenticate=SESSIONS, trusted_origins=["https://desk.example"]) as mine:
        cookie = await signed_in(mine, "ann")
        sent = {name: value.replace("TOKEN", token_in(cookie)) for name, value in headers.items()}
        store.reset()
        answer = await mine.client.post(APPROVAL, json={}, headers={"cookie": cookie, **sent})
    assert answer.status_code == status
    assert (store.written > 0) is (status == 200)


async def test_reading_with_a_cookie_needs_neither(web: Web) -> None:
    """A GET is answered whatever site it comes from; the browser keeps the answer from that site."""
    async with open_web(web.orchestrator, authenticate=SESSIONS) as mine:
        cookie = await signed_in(mine, "ann")
        seen = await mine.client.get("/api/inbox", headers={"cookie": cookie, "sec-fetch-site": "cross-site"})
    assert (seen.status_code, seen.headers["cross-origin-resource-policy"]) == (200, "same-origin")


async def test_a_bearer_needs_neither(web: Web) -> None:
    """No browser adds a bearer's token by itself."""
    await web.parked("r1")
    approved = await web.by("ann:decider").post(APPROVAL, {}, origin="http://evil.example")
    assert approved.status_code == 200


@pytest.mark.parametrize("websocket", [False, True])
@pytest.mark.parametrize(
    ("said", "forged"),
    [
        ({}, False),
        ({"origin": "http://inbox.example"}, False),
        ({"origin": "http://inbox.example", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "https://desk.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
    ],
)
async def test_a_bearer_that_a_proxy_may_have_added_is_none_of_another_site(
    said: dict[str, str], forged: bool, websocket: bool
) -> None:
    """Proxies that sign people in put a token in the place of their own cookie, whoever had the browser send that."""
    headers = {"authorization": "Bearer x", "cookie": "proxy=session", "host": "inbox.example", **said}
    request = Request(method="POST", path="/", headers=headers, websocket=websocket)
    assert is_forged(request, checked_origins(["https://desk.example"])) == (
        "it comes from another site" if forged else None
    )


@pytest.mark.parametrize("websocket", [False, True])
@pytest.mark.parametrize(
    ("at", "origin", "own"),
    [
        ("http://inbox.example", "http://inbox.example:80", True),
        ("http://inbox.example:80", "http://inbox.example", True),
        ("https://inbox.example", "https://inbox.example:443", True),
        ("https://inbox.example:443", "https://inbox.example", True),
        ("https://inbox.example:8443", "https://INBOX.example:8443", True),
        ("HTTPS://inbox.example", "HTTPS://inbox.example", True),
        ("http://[::1]:8000", "http://[::1]:8000", True),
        ("https://inbox.example", "http://inbox.example", False),
        ("https://inbox.example:443", "http://inbox.example", False),
        ("https://inbox.example:443", "http://inbox.example:443", False),
        ("http://inbox.example", "https://inbox.example", False),
        ("http://inbox.example:443", "https://inbox.example", False),
        ("https://inbox.example", "https://inbox.example:80", False),
        ("https://inbox.example", "https://inbox.example:8443", False),
        ("https://inbox.example", "https://inbox.example:0", False),
        ("https://inbox.example", "https://inbox.example:443x", False),
        ("https://inbox.example", "https://inbox.example.", False),
        ("https://inbox.example", "https://eve@inbox.example", False),
        ("https://inbox.example", "https://inbox.example/", False),
        ("https://inbox.example", "https://inbox.example?", False),
        ("https://inbox.example", "https://inbox.example https://inbox.example", False),
        ("https://inbox.example", "inbox.example", False),
        ("https://inbox.example", "", False),
        ("https://", "https://", False),
    ],
)
async def test_an_origin_is_a_scheme_a_host_and_a_port(at: str, origin: str, own: bool, websocket: bool) -> None:
    """Our own is the one that the request came to; a port that goes without saying is the same as one that is said."""
    scheme, _, host = at.partition("://")
    headers = {"host": host, "origin": origin}
    request = Request(method="POST", path="/", headers=headers, scheme=scheme.lower(), websocket=websocket)
    assert (is_forged(request, frozenset()) is None) is own


@pytest.mark.parametrize("host", ["inbox.example", "inbox.example:443"])
async def test_a_browser_may_have_spoken_tls_to_somebody_before_us(host: str) -> None:
    """Where it says itself that it is the same origin, the scheme is what it says; the host and the port are ours."""
    told = {"host": host, "sec-fetch-site": "same-origin"}

    def foreign(origin: str) -> bool:
        request = Request(method="POST", path="/", headers={**told, "origin": origin})
        return is_forged(request, frozenset()) is not None

    assert not foreign("https://inbox.example")
    assert foreign("https://inbox.example:8443")
    assert foreign("https://evil.example")


@pytest.mark.parametrize("trusted", ["https://desk.example", "https://desk.example:443", "https://DESK.example"])
@pytest.mark.parametrize("origin", ["https://desk.example", "https://desk.example:443"])
async def test_a_trusted_origin_is_compared_as_any_other(trusted: str, origin: str) -> None:
    """Its port may be said or not, on either side; another scheme is another origin."""
    known = checked_origins([trusted])
    headers = {"host": "inbox.example", "sec-fetch-site": "cross-site"}

    def foreign(origin: str) -> bool:
        request = Request(method="POST", path="/", headers={**headers, "origin": origin})
        return is_forged(request, known) is not None

    assert not foreign(origin)
    assert foreign("http://desk.example")
    assert foreign("http://desk.example:443")


@pytest.mark.parametrize("authorization", ["Basic YW5uOmFubg==", "Negotiate x", ""])
async def test_what_browsers_send_by_themselves_is_no_bearer(authorization: str) -> None:
    """Basic and Negotiate go along with another site's requests too."""
    headers = {"authorization": authorization, "origin": "http://evil.example", "host": "inbox.example"}
    assert is_forged(Request(method="POST", path="/", headers=headers), frozenset()) == "it comes from another site"


async def test_a_form_brings_the_token_in_a_field(web: Web) -> None:
    """A page without a script sends it with the rest."""
    token = "t" * 40
    headers = {"cookie": f"awaitly-csrf={token}", "content-type": "application/x-www-form-urlencoded"}

    def forged(body: bytes) -> str | None:
        return is_forged(Request(method="POST", path="/", headers=headers, body=body), frozenset())

    assert forged(f"reason=no&csrf_token={token}".encode()) is None
    assert forged(b"reason=no&csrf_token=x") is not None
    assert forged(b"&" * 5_000 + b"a=1" * 5_000) is not None


@pytest.mark.parametrize("origin", ["desk.example", "https://desk.example/", "ftp://desk.example", "https://", "*"])
async def test_a_trusted_origin_is_one(web: Web, origin: str) -> None:
    """What is none is refused at once."""
    with pytest.raises(DefinitionError, match="an origin is"):
        web_app(web.orchestrator, authenticate=who, trusted_origins=[origin])
