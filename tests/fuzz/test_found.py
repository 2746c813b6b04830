"""What nasty texts have brought to light, each as it was found."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from awaitly import (
    Actor,
    DefinitionError,
    Err,
    Gate,
    GrantRefused,
    LinkClaim,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    PolicyError,
    Result,
    Retry,
    Run,
    RunStatus,
    SignedLinks,
    UnknownStore,
    as_timedelta,
    cursor,
    differences,
    load_rules,
    open_store,
    position,
    promise_id,
    read_rules,
    shown,
    workflow,
)
from awaitly.testing import TestClock
from awaitly_slack import SlackActions
from awaitly_sqlite import SqliteStore, open_sqlite
from awaitly_web import OidcTokens, Sessions, hashed_key
from tests.fuzz.ground import refund

HALF = "\ud800"
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def deep(levels: int = 5_000) -> Any:
    """Nest a value."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_long_row_of_digits_is_refused_at_once() -> None:
    """A text that goes on for long is no duration, and nobody waits until all of it was looked through."""
    before = time.process_time()
    with pytest.raises(ValueError, match="not a duration"):
        as_timedelta("9" * 200_000)
    assert time.process_time() - before < 5


@pytest.mark.parametrize("options", [{"base": "999999999d", "cap": "999999999d"}, {"cap": "999999999d"}])
def test_no_retry_waits_for_longer_than_a_calendar(options: dict[str, str]) -> None:
    """A wait that would end after the year 9999 is refused where it is said."""
    with pytest.raises(ValueError, match="at most 100 years"):
        Retry(**options)  # type: ignore[arg-type]


def test_no_lease_and_no_link_lasts_longer_than_a_calendar() -> None:
    """The same holds for a lease and for a link."""
    with pytest.raises(ValueError, match="at most 100 years"):
        Orchestrator(MemoryStore(), lease="999999999d")
    with pytest.raises(ValueError, match="at most 100 years"):
        SignedLinks(base_url="https://example.org", keys="k" * 40, expires_in="999999999d")


async def test_no_sleep_is_longer_than_a_calendar() -> None:
    """A workflow that would sleep beyond the year 9999 is told so."""

    @workflow
    async def sleeping(run: Run[NotApproved]) -> Result[str, NotApproved]:
        await run.sleep("999999999d")
        return Ok("awake")

    async with Orchestrator(MemoryStore(), workflows=[sleeping]) as orchestrator:
        ended = await orchestrator.start(sleeping())
    assert "at most 100 years" in str(ended.result)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_an_id_that_no_run_can_have_is_unknown_everywhere(kind: str, tmp_path: Path) -> None:
    """Half a surrogate pair and NUL find nothing, and no store is asked for them."""
    store = MemoryStore() if kind == "memory" else SqliteStore(tmp_path / "runs.db")
    async with Orchestrator(store, workflows=[refund]) as orchestrator:
        await orchestrator.start(refund("x"), run_id="r")
        for name in (HALF, "a\0b"):
            answers = [
                await orchestrator.approve(name, by="bob"),
                await orchestrator.status(name),
                await orchestrator.history(name),
                await orchestrator.cancel(name, by="bob"),
                await orchestrator.requeue(name),
                (await orchestrator.resume(name)).result,
                (await orchestrator.wait(name)).result,
            ]
            assert [type(answer) for answer in answers] == [Err] * len(answers)
            listed: list[Any] = [
                await orchestrator.pending(run_id=name),
                await orchestrator.pending(prefix=name),
                await orchestrator.waiting_for("bob", workflow=name),
                await orchestrator.runs(prefix=name),
                await orchestrator.dead_letters(channel=name),
            ]
            assert [page.items for page in listed] == [()] * len(listed)
            assert await orchestrator.ledger(name) == ()
            assert await orchestrator.notices(name) == ()


@pytest.mark.parametrize("after", [cursor(10**30, "r"), cursor(2**63, "r"), cursor(1, HALF), "[" * 5_000])
def test_no_store_is_asked_for_a_place_that_none_has(after: str) -> None:
    """A number of more than 64 bits, half a surrogate pair, and what nests without end are no place in a listing."""
    with pytest.raises(ValueError, match="not the `after` of a page"):
        position(after, int, str)


async def test_a_child_has_a_queue_that_can_be_kept() -> None:
    """What can be no queue's name is refused where a child is begun, and no commit of any store's fails."""

    @workflow
    async def parent(run: Run[NotApproved]) -> Result[str, NotApproved]:
        return Ok(str(await run.attempt_child(refund("x"), queue=HALF)))

    async with Orchestrator(MemoryStore(), workflows=[parent, refund]) as orchestrator:
        ended = await orchestrator.start(parent(), run_id="r")
        assert "DefinitionError: a queue must be" in str(ended.result)
        assert not (await orchestrator.runs(statuses=[RunStatus.QUEUED])).items


def test_queues_that_are_one_text_are_a_mistake_in_the_program() -> None:
    """A text in place of a list of queues is a `DefinitionError`, as the docstring says."""
    with pytest.raises(DefinitionError, match="named in a list"):
        Orchestrator(MemoryStore()).working(queues="default")


async def test_conditions_that_nest_without_end_are_no_grant() -> None:
    """A standing grant whose conditions cannot be written is refused in words."""
    async with Gate(MemoryStore(clock=TestClock())) as gate:
        refused = await gate.grant("pay", when={"amount": {"equals": deep()}} | {"to": deep()}, by="ann")
    assert isinstance(refused, Err)
    assert isinstance(refused.failure(), GrantRefused)


def test_what_nests_without_end_is_said_to() -> None:
    """Values that are nested too deeply are shown as such, not compared, and no policy."""
    assert shown(deep()) == "… (nested too deeply to be shown)"
    with pytest.raises(ValueError, match="nested too deeply"):
        differences(deep(), deep())
    with pytest.raises(PolicyError):
        Policy.from_plain({"needs": deep()})


@pytest.mark.parametrize("text", ["a = " + "9" * 5_000, "a = " + "[" * 5_000])
def test_a_file_of_rules_that_python_cannot_read_is_none(text: str) -> None:
    """Integers of thousands of digits, and lists in lists without end, are a `DefinitionError`."""
    with pytest.raises(DefinitionError, match="no TOML"):
        read_rules(text)


@pytest.mark.parametrize("path", ["a\0b", HALF])
def test_a_path_that_no_system_has_names_no_rules(path: str) -> None:
    """NUL and half a surrogate pair in a path are a `DefinitionError`."""
    with pytest.raises(DefinitionError):
        load_rules(path)


@pytest.mark.parametrize("url", [HALF, "http://[::1", "sqlite://[::1"])
def test_an_address_that_is_none_is_no_store(url: str) -> None:
    """Whatever cannot be read as an URL is an `UnknownStore`."""
    with pytest.raises(UnknownStore):
        open_store(url)
    with pytest.raises(UnknownStore):
        open_sqlite(url)


def test_a_promise_of_any_key_has_an_id() -> None:
    """A key that no promise has leads to an id that no promise has."""
    assert promise_id("r", HALF) == "%ED%A0%80@r"


def test_a_link_says_any_name() -> None:
    """A claim about a name with half a surrogate pair is signed, and read as it was."""
    links = SignedLinks(base_url="https://example.org", keys="k" * 40)
    claim = LinkClaim("r", "ok", 1, HALF, Actor(f"b{HALF}"), NOW)
    assert links.read(links.token(claim), datetime(2026, 1, 1, tzinfo=UTC)) == Ok(claim)


def test_keys_without_bytes_are_no_keys() -> None:
    """Half a surrogate pair has no bytes to sign with: it is refused where the keys are given."""
    for made in (lambda: SignedLinks(base_url="https://x.org", keys=HALF * 40), lambda: Sessions(keys=HALF * 40)):
        with pytest.raises(DefinitionError):
            made()


@pytest.mark.parametrize("base_url", ["http://[", "https://[::1"])
def test_a_base_of_links_that_is_no_url_is_refused_in_words(base_url: str) -> None:
    """An address with half a pair of brackets is a `DefinitionError`."""
    with pytest.raises(DefinitionError, match="links begin with"):
        SignedLinks(base_url=base_url, keys="k" * 40)


def test_keys_of_programs_and_of_slack_may_be_any_text() -> None:
    """A key with half a surrogate pair has a hash, and a secret with one is taken."""
    assert len(hashed_key("k" * 40 + HALF)) == 64
    SlackActions(Orchestrator(MemoryStore()), signing_secrets="s" * 40 + HALF, people=lambda _: None)


def test_keys_of_a_provider_that_are_none_are_refused_in_words() -> None:
    """A document without keys is a `DefinitionError`, and no exception of the package that reads it."""
    with pytest.raises(DefinitionError, match="keys is a KeySet"):
        OidcTokens(issuer="https://example.org", audience="x", keys={})
