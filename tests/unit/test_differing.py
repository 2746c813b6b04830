"""What an edit changed, field by field: complete, exact, and silent about what is redacted."""

from __future__ import annotations

import copy
import json
import re
from typing import Any, TypeGuard

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from awaitly import (
    ABSENT,
    Difference,
    MemoryStore,
    NotApproved,
    Ok,
    Orchestrator,
    Policy,
    Result,
    Run,
    edits_of,
    workflow,
)
from awaitly import differences as differences_of

CANARY = "canary-7f3a"
SECRETS = ("iban", "secret key", "$token")

names = st.text(max_size=4) | st.sampled_from(["a", "b", "a.b", "a[0]", "0", "", "$", '"', *SECRETS])
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.0]) | st.text(max_size=3)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
leaking = st.recursive(
    scalars | st.just(CANARY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
)

STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<number>\d+)\]|\[(?P<text>\"(?:[^\"\\]|\\.)*\")\]")


def steps_of(path: str) -> list[str | int]:
    """Read a path back; fails where not all of it is steps."""
    found = list(STEP.finditer(path, 1))
    assert path == "$" + "".join(step[0] for step in found)
    return [_step(step) for step in found]


def _step(step: re.Match[str]) -> str | int:
    if step["number"] is not None:
        return int(step["number"])
    return str(step["name"]) if step["name"] is not None else str(json.loads(step["text"]))


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def applied(before: Any, found: tuple[Difference, ...]) -> Any:
    """Do to a value what the differences say, the last first, so that what leaves a list renumbers nothing."""
    root = {"root": copy.deepcopy(before)}
    added = [each for each in found if each.before is ABSENT]
    for each in [*reversed([one for one in found if one.before is not ABSENT]), *added]:
        *way, last = ["root", *steps_of(each.path)]
        at: Any = root
        for step in way:
            at = at[step]
        if each.after is ABSENT:
            del at[last]
        elif isinstance(last, int):
            at[last : last + 1] = [each.after]
        else:
            at[last] = each.after
    return root["root"]


def written(value: Any) -> str:
    """Write a value so that 1, 1.0 and true are three things."""
    return json.dumps(value, sort_keys=True)


def clean(value: Any) -> Any:
    """Give a value that holds the canary in redacted members alone."""
    if is_object(value):
        return {name: part if name in SECRETS else clean(part) for name, part in value.items()}
    if is_array(value):
        return [clean(part) for part in value]
    return "seen" if value == CANARY else value


@given(values, values)
def test_what_differs_leads_from_one_to_the_other(before: Any, after: Any) -> None:
    """Doing to one value all that the differences say gives the other, to the last digit and type."""
    assert written(applied(before, differences_of(before, after))) == written(after)


@given(values)
def test_nothing_differs_from_itself(value: Any) -> None:
    """A value and its copy have no difference, whatever is redacted."""
    assert differences_of(value, copy.deepcopy(value)) == ()
    assert differences_of(value, copy.deepcopy(value), redact=SECRETS) == ()


@given(values, values)
def test_each_field_is_named_once(before: Any, after: Any) -> None:
    """No two differences have one path, and each says two things that are not the same."""
    found = differences_of(before, after)
    assert len({each.path for each in found}) == len(found)
    assert all(written(_shown(each.before)) != written(_shown(each.after)) for each in found)


def _shown(side: Any) -> Any:
    return {"absent": True} if side is ABSENT else [side]


@given(leaking, leaking)
def test_what_is_redacted_is_never_told(before: Any, after: Any) -> None:
    """A secret that stands in redacted members alone appears in no difference, at any depth and on either side."""
    before, after = clean(before), clean(after)
    assert CANARY not in repr(differences_of(before, after, redact=SECRETS))


@given(leaking, leaking)
def test_that_something_redacted_differs_is_told(before: Any, after: Any) -> None:
    """There is something to tell with redaction wherever there is something without."""
    before, after = clean(before), clean(after)
    assert bool(differences_of(before, after, redact=SECRETS)) is bool(differences_of(before, after))


def test_a_redacted_member_is_blank_on_the_sides_where_it_stands() -> None:
    """So people see that it was added, changed or taken away, and nothing else of it."""
    before = {"iban": {"no": CANARY}, "old": [{"iban": CANARY}]}
    assert differences_of(before, {"new": {"iban": CANARY}}, redact=("iban",)) == (
        Difference("$.iban", "[redacted]", ABSENT),
        Difference("$.old", [{"iban": "[redacted]"}], ABSENT),
        Difference("$.new", ABSENT, {"iban": "[redacted]"}),
    )


def test_a_path_can_be_taken_for_no_other() -> None:
    """A member whose name looks like a path is written as a text."""
    found = differences_of({"a": {"b": 1}, "a.b": 1, "0": [1]}, {"a": {"b": 2}, "a.b": 2, "0": [2]})
    assert [each.path for each in found] == ["$.a.b", '$["a.b"]', '$["0"][0]']


def test_one_a_float_and_true_are_three_things() -> None:
    """As they are written differently."""
    assert differences_of([1, 1, 0], [1.0, True, False]) == (
        Difference("$[0]", 1, 1.0),
        Difference("$[1]", 1, True),
        Difference("$[2]", 0, False),
    )


@workflow
async def claim(run: Run[NotApproved], content: dict[str, Any]) -> Result[object, NotApproved]:
    """Ask about an object with a secret in it."""
    two = Policy(needs=2)
    return Ok(await run.approval("lead", proposes=content, policy=two, redact=("iban",)))


async def test_edits_are_told_against_what_was_proposed() -> None:
    """Of two edits in a row the second is told against the proposal; before any there is nothing to tell."""
    content = {"amount": 10, "iban": CANARY, "lines": ["a"]}
    async with Orchestrator(MemoryStore(), workflows=[claim]) as orchestrator:
        await orchestrator.start(claim(content), run_id="r")
        asked = (await orchestrator.status("r")).unwrap().approvals[0]
        assert edits_of(asked) == ()
        (await orchestrator.edit("r", "lead", {**content, "amount": 8}, by="bob")).unwrap()
        changed = {"amount": 9, "iban": f"{CANARY}-2", "lines": ["a", "b"]}
        edited = (await orchestrator.edit("r", "lead", changed, by="carol")).unwrap().approval
    assert edits_of(edited) == (
        Difference("$.amount", 10, 9),
        Difference("$.iban", "[redacted]", "[redacted]"),
        Difference("$.lines[1]", ABSENT, "b"),
    )
    assert CANARY not in repr(edits_of(edited))
    assert CANARY in repr(edits_of(evolve(edited, redact=())))


def test_that_a_redacted_member_came_or_went_is_told() -> None:
    """And not what it was."""
    assert differences_of({}, {"iban": CANARY}, redact=SECRETS) == (Difference("$.iban", ABSENT, "[redacted]"),)
    assert differences_of({"iban": CANARY}, {}, redact=SECRETS) == (Difference("$.iban", "[redacted]", ABSENT),)
