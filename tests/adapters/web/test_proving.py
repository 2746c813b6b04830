from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from awaitly import Actor, DefinitionError, TokenTooLong, utc_now
from awaitly.testing import TestClock
from awaitly_web import BearerKeys, KeySet, OidcTokens, ProxyHeaders, Request, Sessions, first_of, hashed_key

KEY = "canary-key-of-a-program-0123456789"
BOT = Actor("bot", ["starter"])


def asked(client: str | None = None, **headers: str) -> Request:
    """Make a request; the names of headers have underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="GET", path="/", headers=named, client=client)


# Keys


async def test_a_program_is_known_by_its_key() -> None:
    """The key, and nothing near it; only its hash is kept."""
    keys = BearerKeys({hashed_key(KEY): BOT})
    assert await keys(asked(authorization=f"Bearer {KEY}")) == BOT
    assert await keys(asked(authorization=f"bearer  {KEY} ")) == BOT
    for wrong in (KEY[:-1], KEY + "x", hashed_key(KEY), "", "ä"):
        assert await keys(asked(authorization=f"Bearer {wrong}")) is None
    assert await keys(asked(authorization=f"Basic {KEY}")) is None
    assert await keys(asked()) is None
    assert KEY not in repr(keys)


def test_a_key_that_could_be_guessed_is_refused() -> None:
    """Short ones, and keys where hashes belong, are mistakes."""
    with pytest.raises(DefinitionError, match="at least 32"):
        hashed_key("short")
    with pytest.raises(DefinitionError, match="hashes"):
        BearerKeys({KEY: BOT})


# Sessions


def cookie_of(header: str) -> str:
    """Give what a browser sends back for a `Set-Cookie`."""
    return header.partition(";")[0]


async def test_a_session_that_no_browser_would_keep_is_refused_at_the_sign_in(clock: TestClock) -> None:
    """It says how long the cookie is and why; whoever has a role less than that is known by theirs."""
    sessions = Sessions(keys=("k" * 32,), clock=clock)
    roles = [sha256(bytes([number])).hexdigest() for number in range(200)]
    kept, told = 0, ""
    for count in range(1, 200):
        try:
            cookie = cookie_of(sessions.cookie_of(Actor("ann", roles[:count])))
        except TokenTooLong as refused:
            told = str(refused)
            break
        assert len(cookie.replace("=", "", 1)) <= 4_096
        assert (await sessions(asked(cookie=cookie))) == Actor("ann", roles[:count])
        kept = count
    assert 30 < kept < 150
    assert told.startswith("the session of 'ann' takes 4,")
    assert f"characters with {kept + 1} roles, and browsers keep 4,096" in told


async def test_a_session_is_good_for_its_time(clock: TestClock) -> None:
    """It says when its person signed in, and ends by the server's clock."""
    sessions = Sessions(keys=("k" * 32,), lasts="1h", clock=clock)
    header = sessions.cookie_of(Actor("ann", ["manager"], on_behalf_of="anna"))
    assert header.endswith("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure")
    assert header.startswith("__Host-")
    began = clock()
    for wait, known in (("1m", True), ("58m", True), ("1m", False)):
        clock.advance(wait)
        actor = await sessions(asked(cookie=f"a=b; {cookie_of(header)}"))
        assert (actor == Actor("ann", ["manager"], on_behalf_of="anna")) is known
        assert actor is None or actor.authenticated_at == began
    assert await sessions(asked(cookie=cookie_of(sessions.ended()))) is None


async def test_a_session_from_the_future_is_none(clock: TestClock) -> None:
    """A clock that went back takes nobody's word."""
    sessions = Sessions(keys=("k" * 32,), clock=clock)
    cookie = cookie_of(sessions.cookie_of(BOT))
    clock.set(clock() - timedelta(hours=1))
    assert await sessions(asked(cookie=cookie)) is None


async def test_keys_of_sessions_rotate(clock: TestClock) -> None:
    """An old key is accepted while it is listed, and signs nothing any more."""
    old, new = "o" * 32, "n" * 32
    cookie = cookie_of(Sessions(keys=(old,), clock=clock).cookie_of(BOT))
    assert await Sessions(keys=(new, old), clock=clock)(asked(cookie=cookie)) == BOT
    assert await Sessions(keys=(new,), clock=clock)(asked(cookie=cookie)) is None
    signed = cookie_of(Sessions(keys=(new, old), clock=clock).cookie_of(BOT))
    assert await Sessions(keys=(old,), clock=clock)(asked(cookie=signed)) is None


async def test_a_cookie_that_was_changed_is_nobodys(clock: TestClock) -> None:
    """Each character of it counts."""
    sessions = Sessions(keys=("k" * 32,), clock=clock)
    name, _, value = cookie_of(sessions.cookie_of(BOT)).partition("=")
    for place in range(len(value) - 1):  # the last one of base64 has bits to spare
        other = "A" if value[place] != "A" else "B"
        changed = f"{value[:place]}{other}{value[place + 1 :]}"
        assert await sessions(asked(cookie=f"{name}={changed}")) is None


def test_short_keys_of_sessions_are_refused() -> None:
    """They keep nobody out."""
    with pytest.raises(DefinitionError, match="at least 32"):
        Sessions(keys=("short",))


# Proxies


async def test_a_proxy_is_believed_and_nobody_else() -> None:
    """Its headers count where it is the peer; a name that came twice counts nowhere."""
    proxy = ProxyHeaders(peers=["10.0.0.0/28", "::1"])
    told = {"x_forwarded_user": "ann", "x_forwarded_groups": "manager, ops ,"}
    assert await proxy(asked("10.0.0.5", **told)) == Actor("ann", ["manager", "ops"])
    assert await proxy(asked("::1", **told)) == Actor("ann", ["manager", "ops"])
    for peer in ("10.0.0.16", "127.0.0.1", "testclient", None):
        assert await proxy(asked(peer, **told)) is None
    for name in ("", " ", "ann, root", "a\nb"):
        assert await proxy(asked("10.0.0.5", x_forwarded_user=name)) is None


@pytest.mark.parametrize("peers", [[], ["0.0.0.0/0"], ["::/0"], ["proxy.example"]])
def test_everybody_is_no_proxy(peers: list[str]) -> None:
    """Peers are named by their addresses."""
    with pytest.raises(DefinitionError):
        ProxyHeaders(peers=peers)


# Tokens


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """Make a key, once for each number."""
    del number
    return rsa.generate_private_key(65_537, 2_048)


def jwks(**keys: Any) -> Mapping[str, Any]:
    """Give the public halves of keys as a provider publishes them, by their ids."""
    return {"keys": [{**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": kid} for kid, key in keys.items()]}


def claims(**changes: Any) -> dict[str, Any]:
    """Give the claims of a good token."""
    now = int(utc_now().timestamp())
    good = {
        "iss": "https://id.example",
        "aud": "inbox",
        "sub": "ann",
        "roles": ["manager"],
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(key: Any = None, kid: str = "one", algorithm: str = "RS256", **changes: Any) -> str:
    """Sign a token."""
    return jwt.encode(claims(**changes), key or rsa_key(), algorithm=algorithm, headers={"kid": kid})


def tokens(**options: Any) -> OidcTokens:
    """Give what knows people by tokens of `https://id.example`."""
    chosen: dict[str, Any] = {
        "issuer": "https://id.example",
        "audience": "inbox",
        "keys": jwks(one=rsa_key()),
        **options,
    }
    return OidcTokens(**chosen)


async def knows(way: OidcTokens, text: str) -> Actor | None:
    """Ask with a token."""
    return await way(asked(authorization=f"Bearer {text}"))


async def test_a_token_says_who_it_is_and_when_they_signed_in() -> None:
    """Name, roles and `auth_time` come from the claims; when the token was made says nothing of the person."""
    at = int(utc_now().timestamp()) - 100
    actor = await knows(tokens(), token(auth_time=at))
    assert actor == Actor("ann", ["manager"])
    assert actor is not None
    assert actor.authenticated_at is not None
    assert actor.authenticated_at.timestamp() == at
    silent = await knows(tokens(), token())
    assert silent is not None
    assert silent.authenticated_at is None
    nested = await knows(tokens(name="email", roles="realm.roles"), token(email="a@b", realm={"roles": ["x", 1]}))
    assert nested == Actor("a@b", ["x"])


BAD: Mapping[str, Mapping[str, Any]] = {
    "other issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "other audience": {"aud": "other"},
    "no audience": {"aud": None},
    "over": {"exp": 1},
    "without end": {"exp": None},
    "not yet": {"nbf": 2**33},
    "nobody": {"sub": None},
    "blank": {"sub": " "},
    "with control characters": {"sub": "a\nb", "name": "x"},
    "of another key": {"kid": "two"},
}


@pytest.mark.parametrize("wrong", BAD)
async def test_a_token_that_is_not_good_is_nobodys(wrong: str) -> None:
    """Each claim is checked, and each must be there."""
    changes: dict[str, Any] = dict(BAD[wrong])
    assert await knows(tokens(), token(kid=changes.pop("kid", "one"), **changes)) is None


async def test_clocks_may_differ_by_the_leeway() -> None:
    """And by no more."""
    over = token(exp=int(utc_now().timestamp()) - 20)
    assert await knows(tokens(leeway="60s"), over) is not None
    assert await knows(tokens(leeway="5s"), over) is None


def unsigned(header: Mapping[str, Any], body: Mapping[str, Any], sign: bytes | None = None) -> str:
    """Make a token by hand: unsigned, or signed with a secret."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, body)]
    text = b".".join(parts)
    signature = b"" if sign is None else hmac.new(sign, text, sha256).digest()
    return b".".join([text, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


async def test_the_algorithm_is_not_the_tokens_to_choose() -> None:
    """Neither `none`, nor a secret made of the public key, nor an algorithm that is not listed."""
    public = json.dumps(jwks(one=rsa_key())["keys"][0]).encode()
    forged = [
        unsigned({"alg": "none", "kid": "one"}, claims()),
        unsigned({"alg": "HS256", "kid": "one"}, claims(), public),
        unsigned({"alg": "RS256", "kid": "one"}, claims(), public),
        token(algorithm="RS512"),
        token(rsa_key(1)),
        token(ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
        unsigned({"alg": "RS256", "kid": ["one"]}, claims()),
        "a.b.c",
        "." * 50,
        "x" * 20_000,
    ]
    assert [await knows(tokens(), text) for text in forged] == [None] * len(forged)


@pytest.mark.parametrize("algorithms", [[], ["none"], ["HS256"], ["RS256", "HS512"]])
def test_a_secret_shared_with_the_provider_is_no_algorithm(algorithms: list[str]) -> None:
    """Only signatures that others cannot make are allowed."""
    with pytest.raises(DefinitionError, match="signed by one of"):
        tokens(algorithms=algorithms)


class Provider:
    """Publishes keys, counts who asks, and may be away."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"one": rsa_key()}
        self.asked = 0
        self.away = False

    async def fetch(self, url: str) -> bytes:
        """Give the keys."""
        assert url == "https://id.example/jwks"
        self.asked += 1
        if self.away:
            raise OSError("away")
        return json.dumps(jwks(**self.keys)).encode()


async def test_keys_are_fetched_once_and_again_where_one_is_new(clock: TestClock) -> None:
    """An unknown key has them fetched anew, at most once a minute; known ones are kept while the provider is away."""
    provider = Provider()

    def now() -> datetime:
        return clock()

    way = tokens(keys=KeySet("https://id.example/jwks", fetch=provider.fetch, clock=now))
    for _ in range(3):
        assert await knows(way, token()) is not None
    assert provider.asked == 1
    provider.keys["two"] = rsa_key(1)
    for _ in range(3):
        assert await knows(way, token(rsa_key(1), kid="two")) is None
    assert provider.asked == 1
    clock.advance("61s")
    assert await knows(way, token(rsa_key(1), kid="two")) is not None
    assert provider.asked == 2
    provider.away = True
    clock.advance("2h")
    assert await knows(way, token()) is not None
    assert provider.asked == 3


def test_keys_are_fetched_by_https_alone() -> None:
    """Anything else could be anybody's."""
    with pytest.raises(DefinitionError, match="https"):
        KeySet("http://id.example/jwks")


# Several


async def test_several_ways_are_asked_in_a_row() -> None:
    """The first that knows somebody decides; what one raises lets nobody in."""
    keys = BearerKeys({hashed_key(KEY): BOT})
    proxy = ProxyHeaders(peers=["10.0.0.5"])
    way = first_of(keys, proxy)
    assert await way(asked("10.0.0.5", authorization=f"Bearer {KEY}", x_forwarded_user="ann")) == BOT
    assert await way(asked("10.0.0.5", x_forwarded_user="ann")) == Actor("ann")
    assert await way(asked("10.0.0.6", x_forwarded_user="ann")) is None
