"""How signed links are set up, and what one says; that pages heed them is shown where the pages are."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from attrs import evolve
from itsdangerous import URLSafeSerializer

from awaitly import (
    Actor,
    DefinitionError,
    Delivery,
    LinkClaim,
    LinkRefused,
    NoticeKind,
    Policy,
    SignedLinks,
    TokenTooLong,
)
from awaitly.approvals.events import Edit
from awaitly.durations import to_micros
from tests.support import BOB, error_of
from tests.unit.approvals import HOUR, NOW, after, asked

KEY = "k" * 32
LINKS = SignedLinks(base_url="https://inbox.example", keys=(KEY,), expires_in="2h")
ANN = Actor("ann", ["manager"], via="link")
CLAIM = LinkClaim("r1", "manager", 3, "v1:digest", ANN, NOW + HOUR)


def delivery(**members: Any) -> Delivery:
    """Tell of something that was made an hour ago and is delivered now."""
    about: dict[str, Any] = {"approval": after(asked(Policy(editors=["bob"])), Edit(BOB, "7")), **members}
    return Delivery(id="n1", kind=NoticeKind.NEEDED, at=NOW + HOUR, made_at=NOW, run_id="r", workflow="refund", **about)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://inbox.example", "https://inbox.example/a/"),
        ("https://inbox.example/", "https://inbox.example/a/"),
        ("http://inbox.example:8080/approvals//", "http://inbox.example:8080/approvals/a/"),
        ("https://inbox.example/XX", "https://inbox.example/XX/a/"),
    ],
)
def test_links_begin_where_people_reach_the_inbox(given: str, url: str) -> None:
    """Over HTTPS or HTTP, within a path or not; a slash at the end is one slash."""
    made = SignedLinks(base_url=given, keys=KEY).url(delivery(), ANN)
    assert made is not None
    assert made.startswith(url)
    assert "/" not in made.removeprefix(url)


@pytest.mark.parametrize(
    "given",
    [
        "inbox.example",
        "/inbox",
        "https://",
        "https:///inbox",
        "ftp://inbox.example",
        "javascript:alert(1)",
        "https://inbox.example?x=1",
        "https://inbox.example#x",
        "",
    ],
)
def test_what_is_no_address_of_an_inbox_is_refused(given: str) -> None:
    """Without a scheme, a host, or with what would stand in the way of a path; the words show one that does."""
    with pytest.raises(DefinitionError) as refused:
        SignedLinks(base_url=given, keys=KEY)
    assert str(refused.value) == (
        f"links begin with where people reach the inbox, as 'https://approvals.example.com', not {given!r}"
    )


@pytest.mark.parametrize("keys", [(), "", "k" * 31, (KEY, "k" * 31), ("k" * 31, KEY)])
def test_keys_that_keep_nobody_out_are_refused(keys: Any) -> None:
    """None at all, or one that is too short, wherever it stands; the words say how to make one, and show none."""
    with pytest.raises(DefinitionError) as refused:
        SignedLinks(base_url="https://inbox.example", keys=keys)
    assert str(refused.value) == ("links take keys of at least 32 characters; make one with secrets.token_urlsafe(32)")


def test_one_key_may_stand_alone() -> None:
    """A text is one key, and not as many as it has characters."""
    one = SignedLinks(base_url="https://inbox.example", keys=KEY)
    assert one == SignedLinks(base_url="https://inbox.example", keys=[KEY])
    assert one.expires_in == timedelta(days=7)


def test_a_link_says_which_revision_of_what_to_whom_until_when() -> None:
    """Each part of the claim comes back, and its time counts from when the notice was made, not sent."""
    url = LINKS.url(delivery(), Actor("ann", ["manager"]))
    assert url is not None
    approval = delivery().approval
    assert approval is not None
    claim = LINKS.read(url.rpartition("/")[2], NOW).unwrap()
    assert claim == LinkClaim("r", "manager", 2, approval.digest, ANN, NOW + 2 * HOUR)


def test_there_is_no_link_to_what_is_no_approval() -> None:
    """A notice about a run has nothing to show behind one."""
    assert LINKS.url(delivery(approval=None), ANN) is None


def test_a_link_is_good_until_its_time() -> None:
    """Up to the last microsecond before."""
    token = LINKS.token(CLAIM)
    assert LINKS.read(token, CLAIM.until - timedelta(microseconds=1)).unwrap() == CLAIM
    assert error_of(LINKS.read(token, CLAIM.until)) is LinkRefused.EXPIRED


@pytest.mark.parametrize(
    "salt", ["awaitly.session.v1", "itsdangerous", "itsdangerous.Signer", "awaitly.link.v2", "", None]
)
def test_a_token_that_the_same_key_signed_for_another_purpose_is_no_link(salt: Any) -> None:
    """Another token of the application's is none of ours, though all but its salt be the same."""
    options = {"digest_method": sha256, "key_derivation": "hmac"}
    told = [CLAIM.run_id, CLAIM.key, CLAIM.revision, CLAIM.digest, "ann", ["manager"], to_micros(CLAIM.until)]
    ours: Any = URLSafeSerializer(KEY, salt="awaitly.link.v1", signer_kwargs=options).dumps(told)
    other: Any = URLSafeSerializer(KEY, salt=salt, signer_kwargs=options).dumps(told)
    assert LINKS.read(ours, NOW).unwrap() == CLAIM
    assert error_of(LINKS.read(other, NOW)) is LinkRefused.NOT_OURS


def test_a_link_of_the_greatest_length_is_made_and_read() -> None:
    """4,096 characters are; one more is not made."""
    tokens = (LINKS.token(evolve(CLAIM, digest=hexadecimal(size))) for size in range(4_000, 8_000))
    fitting = next(token for token in tokens if len(token) == 4_096)
    assert LINKS.read(fitting, NOW).unwrap().run_id == "r1"
    with pytest.raises(TokenTooLong):
        LINKS.token(evolve(CLAIM, digest=hexadecimal(8_000)))


def hexadecimal(size: int) -> str:
    """Give text that no compression shortens to less than half, always the same."""
    return "".join(sha256(bytes([n])).hexdigest() for n in range(size // 64 + 1))[:size]
