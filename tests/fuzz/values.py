"""What needs no store: durations, policies, rules, codecs, schemas, links, snapshots."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import fields
from hypothesis import strategies as st

import awaitly
from awaitly import (
    Actor,
    Allow,
    Codec,
    LinkClaim,
    MemoryStore,
    NotApproved,
    Ok,
    Policy,
    Result,
    Rules,
    Run,
    SignedLinks,
    Snapshot,
    ToolRule,
    Veil,
    execute,
    workflow,
)
from tests.fuzz.entries import Entry
from tests.fuzz.texts import documents, nasty, papers

__all__ = ["CORE", "LINKS", "NOW"]

NOW = datetime(2027, 1, 1, tzinfo=UTC)
LINKS = SignedLinks(base_url="https://example.org/inbox", keys="k" * 40)
HINTS = (int, str, float, bytes, list[int], dict[str, int], datetime, timedelta, Actor, Policy, object)
OPERATORS = ("above", "at_least", "below", "at_most", "in", "not_in", "matches", "longer_than", "exists", "equals")


async def pay(amount: int, to: str = "bob") -> Result[int, str]:
    """Pay."""
    return Ok(amount)


async def doing_nothing(run: Run[NotApproved], text: str = "") -> Result[str, NotApproved]:
    """Give a text back."""
    return Ok(text)


@workflow
async def asking(run: Run[NotApproved], text: str = "x") -> Result[str, NotApproved]:
    """Ask for a text."""
    return Ok(await run.approval("ok", proposes=text, schema=str, redact=("iban",)))


async def _parked() -> Snapshot:
    found = (await execute(asking("x"), run_id="r", requested_by="ann")).snapshot
    assert found is not None
    return found


SNAPSHOT = asyncio.run(_parked())
WRITTEN = SNAPSHOT.to_json()


def _cut(where: int, what: str) -> str:
    return WRITTEN[: where % len(WRITTEN)] + what + WRITTEN[where % len(WRITTEN) + len(what) :]


def _holds(_: object, __: object) -> bool:
    return True


def _checked(amount: int) -> None:
    return None


def judged(tool: str, arguments: Mapping[str, Any], when: Mapping[str, Any]) -> object:
    """Judge a call by a rule with conditions. Raises `TypeError` where they cannot be judged."""
    return Rules([ToolRule(tools=["pay", tool], ruling=Allow(), when=when)]).deciding(tool, arguments)


def signed(run_id: str, key: str, digest: str, name: str) -> object:
    """Sign a link, and read it. Raises `ValueError` for somebody without a name."""
    token = LINKS.token(LinkClaim(run_id, key, 1, digest, Actor(name, [name]), NOW))
    return LINKS.read(token, NOW - timedelta(days=1))


VEIL = Veil(SNAPSHOT.state.approvals)
HINT = st.sampled_from(HINTS)
LISTS = st.lists(nasty, max_size=3)
WHEN = st.dictionaries(
    nasty | st.just("amount"),
    documents | st.dictionaries(st.sampled_from(OPERATORS), documents, max_size=2),
    max_size=2,
)
POLICY = st.dictionaries(
    st.sampled_from([field.name for field in fields(Policy)]), documents | st.integers(1, 2) | LISTS, max_size=3
)
SNAPSHOTS = papers | st.builds(_cut, st.integers(0, 5_000), nasty.map(lambda text: text[:50]))
QUOTED = nasty.map(lambda text: text[:300].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
RULES = papers | st.builds(
    '[[rule]]\ntools = ["{}"]\ndecide = "{}"\nwhen = {{ "{}" = {{ matches = "{}" }} }}\n{} = {}'.format,
    QUOTED,
    st.sampled_from(["ask", "deny", "allow"]),
    QUOTED,
    QUOTED,
    st.sampled_from(["name", "reason", "summary", "redact", "policy", "tool"]),
    QUOTED.map('"{}"'.format) | nasty | st.sampled_from(["{expires_in = '1e9d'}", "{also = [{x = 1}]}", "[[]]"]),
)
KEYWORDS = (
    "type",
    "pattern",
    "$ref",
    "enum",
    "minimum",
    "multipleOf",
    "properties",
    "items",
    "format",
    "formatMaximum",
)
SCHEMAS: Any = st.dictionaries(st.sampled_from(KEYWORDS), documents, max_size=3)
CALL = {"tool": "pay", "arguments": {"amount": 1}}


def _e(name: str, /, drawn: Mapping[str, Any] | None = None, **usual: Any) -> Entry:
    called: Any = awaitly
    for part in name.split("."):
        called = getattr(called, part)
    return Entry(f"awaitly.{name}", called, usual, drawn or {})


CORE: tuple[Entry, ...] = (
    _e("Absence", owner=Actor("ann"), to="bob", since=NOW, until=NOW + timedelta(days=1)),
    _e("Actor", name="bob"),
    Entry("awaitly.Actor.holds", Actor("bob", ["ops"]).holds),
    _e("Ask", {"proposes": documents, "schema": documents, "metadata": documents}, key="ok", proposes=1),
    _e("AskPeople"),
    _e("Ceiling", questions=1),
    Entry("awaitly.Codec.decode", Codec().decode, {"hint": int, "text": "1"}, {"hint": HINT, "text": papers}),
    Entry("awaitly.Codec.read", Codec().read, {"hint": int, "text": "1"}, {"hint": HINT, "text": papers}),
    Entry("awaitly.Codec.revive", Codec().revive, {"hint": int, "plain": 1}, {"hint": HINT, "plain": documents}),
    _e("ConsoleChannel"),
    _e("Deny", reason="no"),
    _e("Gate", store=MemoryStore()),
    _e("Orchestrator", store=MemoryStore()),
    Entry("awaitly.ToolRule.concerns", ToolRule(tools=["pay_*"], ruling=Allow()).concerns),
    Entry("awaitly.Veil.text", VEIL.text),
    _e("Escalation", after="1h", to=["ann"]),
    _e("Guard"),
    _e("LinkClaim", run_id="r", key="ok", revision=1, digest="d", person=Actor("bob"), until=NOW),
    _e("Policy"),
    _e("Policy.from_plain", {"plain": POLICY}),
    _e("Quorum"),
    _e("Retry"),
    _e("Rule", name="last", holds=_holds),
    _e("SignedLinks", {"keys": nasty}, base_url="https://example.org", keys="k" * 40),
    Entry("awaitly.SignedLinks.read", LINKS.read, {"now": NOW}, {"token": nasty}),
    Entry("awaitly.SignedLinks.token", signed, {"run_id": "r", "key": "ok", "digest": "d", "name": "bob"}),
    _e("Snapshot.from_json", {"text": SNAPSHOTS}),
    _e("Stage", name="lead"),
    _e("ToolCall", {"arguments": documents, "schema": documents}, **CALL),
    _e("ToolRule", {"when": WHEN}, tools="pay", ruling=Allow()),
    Entry(
        "awaitly.Rules.deciding",
        judged,
        {"tool": "x", "arguments": {}, "when": {}},
        {"arguments": SCHEMAS, "when": WHEN},
    ),
    _e("approval_step", key="ok", check=_checked),
    _e("as_timedelta", value="1h"),
    _e("clipped", text="x", longest=10),
    _e("cursor"),
    _e("differences", {"before": documents, "after": documents}, before=1, after=2),
    _e("gated_step", f=pay),
    _e("load_rules", {"path": nasty}),
    _e("open_store"),
    _e("position", {"after": papers}),
    _e("promise_id", run_id="r", key="ok"),
    _e("read_rules", {"text": RULES}),
    _e("shown", {"value": documents}),
    _e("step", f=pay),
    _e("validate", {"schema_text": papers, "value": documents}, schema_text="{}", value=1),
    _e("visible"),
    _e("workflow", f=doing_nothing),
)
