"""Rules of the application's own: they let in whom they say True of, and nobody else, wherever it is asked."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from awaitly import Actor, Approval, Escalation, NotAuthorised, Ok, Rule
from awaitly.actors import as_actor
from awaitly.testing import TestClock
from tests.support import ADMIN, SharedStore, error_of
from tests.unit.offices import office_in


def answering(answer: Any) -> Rule:
    """Give a rule that answers so, whoever it is about."""
    return Rule("asked", lambda _actor, _approval: answer)


def awaited(answer: Any) -> Rule:
    """Give one that has to be awaited."""

    async def holds(_actor: Actor, _approval: Approval) -> Any:
        return answer

    return Rule("asked", holds)


def raising(_actor: Actor, _approval: Approval) -> bool:
    """Break."""
    raise RuntimeError("no directory")


async def raising_later(_actor: Actor, _approval: Approval) -> bool:
    """Break once it is awaited."""
    raise RuntimeError("no directory")


TRUTHY: list[Any] = [1, "yes", [True], object, None, False]


async def is_let_in(store: SharedStore, rule: Rule) -> list[bool]:
    """Whether somebody is listed by this rule, and may approve by it."""
    async with office_in(store, [rule]) as office:
        await office.ask("r", approvers=[rule])
        ((*listed,),) = await office.listed("ann")
        decided = await office.orchestrator.approve("r", by="ann")
        assert isinstance(decided, Ok) or isinstance(error_of(decided), NotAuthorised)
        return [listed == ["r"], isinstance(decided, Ok)]


@pytest.mark.parametrize("rule", [answering(True), awaited(True)], ids=["plain", "async"])
async def test_whom_a_rule_says_true_of_is_let_in(each_store: SharedStore, rule: Rule) -> None:
    """At once, or awaited."""
    assert await is_let_in(each_store, rule) == [True, True]


@pytest.mark.parametrize("answer", TRUTHY, ids=repr)
@pytest.mark.parametrize("make", [answering, awaited])
async def test_what_is_not_true_grants_nothing(store: SharedStore, make: Any, answer: Any) -> None:
    """However true it looks, at once or awaited."""
    assert await is_let_in(store, make(answer)) == [False, False]


@pytest.mark.parametrize("holds", [raising, raising_later])
async def test_a_rule_that_raises_grants_nothing(
    store: SharedStore, holds: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """And is logged, with the run that it was asked about."""
    with caplog.at_level(logging.WARNING):
        assert await is_let_in(store, Rule("broken", holds)) == [False, False]
    assert "event=rule_failed" in caplog.text
    assert "no directory" in caplog.text


async def test_a_rule_that_is_not_known_here_grants_nothing(each_store: SharedStore) -> None:
    """What waits by it waits for others, and in another process for whoever is let in there."""
    rule = answering(True)
    async with office_in(each_store, [rule]) as office:
        await office.ask("r", approvers=[rule, "bob"])
    async with office_in(each_store) as office:
        assert await office.listed("ann", "bob") == [[], ["r"]]
        assert isinstance(error_of(await office.orchestrator.approve("r", by="ann")), NotAuthorised)


async def test_a_rule_of_another_name_grants_nothing(store: SharedStore) -> None:
    """Though it would say True of everybody."""
    async with office_in(store, [Rule("other", lambda _actor, _approval: True)]) as office:
        await office.ask("r", approvers=[answering(True)])
        assert await office.listed("ann") == [[]]


async def test_a_name_like_a_rules_grant_is_none(store: SharedStore) -> None:
    """Who calls themselves `rule:asked` does not meet the rule."""
    async with office_in(store, [answering(False)]) as office:
        await office.ask("r", approvers=[answering(True)])
        assert await office.listed("rule:asked") == [[]]


async def test_a_rule_judges_each_approval_for_itself(each_store: SharedStore) -> None:
    """It sees who asks, with the roles of now, and the approval."""
    mine = Rule("mine", lambda actor, approval: f"{actor.name}-{len(actor.roles)}" == approval.run_id)
    async with office_in(each_store, [mine]) as office:
        for run_id in ("ann-0", "ann-1", "bob-0"):
            await office.ask(run_id, approvers=[mine])
        people = (as_actor("ann"), Actor("ann", ["ops"]), as_actor("bob"))
        assert await office.listed(*people) == [["ann-0"], ["ann-1"], ["bob-0"]]


async def test_a_rule_is_not_asked_about_what_does_not_name_it(store: SharedStore) -> None:
    """Directories are slow."""
    asked: list[str] = []

    def noted(_actor: Actor, approval: Approval) -> bool:
        asked.append(approval.run_id)
        return True

    async with office_in(store, [rule := Rule("noted", noted)]) as office:
        await office.ask("a")
        await office.ask("b", approvers=[rule])
        assert await office.listed("ann") == [["a", "b"]]
    assert asked == ["b"]


async def test_a_rule_of_a_level_counts_from_that_level_on(store: SharedStore, clock: TestClock) -> None:
    """Not before."""
    rule = answering(True)
    async with office_in(store, [rule]) as office:
        await office.ask("r", approvers=["bob"], escalations=[Escalation("1h", [rule])])
        assert await office.listed("ann") == [[]]
        clock.advance("1h")
        await office.orchestrator.work(once=True)
        assert await office.listed("ann") == [["r"]]


async def test_a_rule_to_which_it_was_reassigned_counts(store: SharedStore) -> None:
    """Though the policy does not name it."""
    rule = Rule("known", lambda actor, _: actor.name == "ann")
    async with office_in(store, [rule]) as office:
        await office.ask("r", approvers=["bob"])
        (await office.orchestrator.reassign("r", to=[rule], by=ADMIN)).unwrap()
        assert await office.listed("ann", "bob") == [["r"], []]


async def test_what_a_rule_grants_may_be_handed_on(store: SharedStore) -> None:
    """The delegate need not meet it."""
    rule = Rule("known", lambda actor, _: actor.name == "ann")
    async with office_in(store, [rule]) as office:
        await office.ask("r", approvers=[rule])
        (await office.orchestrator.delegate("r", to="bob", by="ann")).unwrap()
        assert await office.listed("bob") == [["r"]]
        (await office.orchestrator.approve("r", by="bob")).unwrap()
