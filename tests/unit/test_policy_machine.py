"""Any policy, anybody, anything, at any time: judged by an oracle that shares no code with the table."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any, TypeAlias

import pytest
from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from awaitly import (
    Absence,
    Actor,
    Approval,
    ApprovalStatus,
    Approved,
    Edited,
    Escalation,
    Ok,
    OnExpiry,
    Policy,
    PolicyError,
    Quorum,
    Refusal,
    Result,
)
from awaitly.approvals.audit import AuditEvent, Entry, chained, verify
from awaitly.approvals.deciding import decide
from awaitly.approvals.eligibility import shortfall
from awaitly.approvals.events import (
    Answer,
    Approve,
    AskAgain,
    Cancel,
    Chime,
    Claim,
    Comment,
    Consume,
    Delegate,
    Edit,
    Event,
    Expire,
    Inquire,
    Observe,
    Reassign,
    Reject,
    Release,
    See,
    Shown,
    Spoof,
    Standing,
    Supersede,
)
from awaitly.approvals.transition import Transition
from awaitly.storage.records import approval_of, head_of, row_of_approval
from tests.faults.lengths import at_length
from tests.unit.approvals import MINUTE, NOW, asked
from tests.unit.oracle import Ballot, Oracle, people

S = ApprovalStatus
E = AuditEvent
Answered: TypeAlias = "Result[Transition, Refusal]"

ADMIN = Actor("root", ["admin"])
PEOPLE = [
    Actor("alice"),
    Actor("bob"),
    Actor("carol"),
    Actor("dan"),
    Actor("dora", ["ops"]),
    Actor("lea", ["legal"]),
    Actor("bo", ["ops", "legal"]),
    Actor("bot", ["ops"], on_behalf_of="alice"),
    Actor("bot", on_behalf_of="bob"),
    Actor("ruth"),
    ADMIN,
]
MORE = [
    *(Actor(f"{role}{n}", [role]) for role in ("ops", "legal") for n in range(8)),
    *(Actor(f"ruth{n}") for n in range(8)),
    *(Actor(f"stranger{n}") for n in range(8)),
]
"""People enough for any seat that a role, a rule or just anybody may take."""
GRANTS = ["alice", "bob", "carol", "role:ops", "role:legal", "rule:on-call"]
ON_CALL = frozenset({"rule:on-call"})
TIMES = {"15m": ["20m", "40m"], "30m": ["40m", "2h"]}


def policy_from(dice: Random) -> Policy:
    """Draw any policy that is one."""
    while True:
        try:
            return drawn_policy(dice)
        except PolicyError:
            continue


def drawn_policy(dice: Random) -> Policy:
    """Draw options, which may contradict each other."""
    expires_in = dice.choice([None, "1h", "3h"])
    first = dice.choice(list(TIMES))
    levels = [
        Escalation(first, some(dice), replaces=dice.random() < 0.4),
        Escalation(dice.choice(TIMES[first]), some(dice), repeat=2, every="10m", replaces=dice.random() < 0.4),
    ]
    return Policy(
        approvers=dice.choice([None, some(dice), some(dice)]),
        needs=dice.choice([1, 1, 2, 2, 3]),
        rejections=dice.choice([1, 1, 2]),
        also=[Quorum(some(dice)) for _ in range(dice.choice([0, 0, 0, 1, 2]))],
        self_approval=dice.random() < 0.2,
        editors=dice.choice([None, None, some(dice), []]),
        editor_approves=dice.random() < 0.2,
        edit_counts_as_vote=dice.choice([None, True, False]),
        fresh_within=dice.choice([None, None, "10m"]),
        exclusive_claims=dice.random() < 0.3,
        expires_in=expires_in,
        on_expiry=dice.choice(list(OnExpiry)) if expires_in else OnExpiry.EXPIRE,
        escalations=levels[: dice.choice([0, 0, 1, 2])],
        remind_every=dice.choice([None, "25m"]),
        questions_stop_clock=dice.random() < 0.5,
    )


def some(dice: Random) -> list[str]:
    """Draw a few grants."""
    return dice.sample(GRANTS, dice.choice([1, 2, 2, 3]))


def standing_of(actor: Actor, *, away: bool) -> Standing:
    """Say what holds of somebody: ruths meet the rule, and dan may stand in for carol and for dora."""
    rules = ON_CALL if actor.name.startswith("ruth") else frozenset[str]()
    owners = [Actor("carol"), Actor("dora", ["ops"])] if away and actor.name == "dan" else []
    day = timedelta(days=1)
    return Standing(rules=rules, absences=tuple(Absence(owner, "dan", NOW - day, NOW + day) for owner in owners))


KINDS = ("decide", "wait", "look", "claim", "release", "delegate", "reassign", "talk", "ask", "cancel", "observe")
WEIGHTS = (50, 12, 6, 5, 2, 6, 2, 3, 5, 1, 5)
SEEDS = st.integers(0, 2**32 - 1)


class Policies(RuleBasedStateMachine):
    """Any events in any order, each judged before and after."""

    @initialize(seed=SEEDS)
    def ask(self, seed: int) -> None:
        """Ask what can be answered."""
        dice = Random(seed)
        self.first, self.steps = seed, 0
        self.now = NOW
        self.entries: tuple[Entry, ...] = ()
        by = dice.choice([None, *PEOPLE])
        self.a = asked(policy_from(dice), by, external=dice.random() < 0.05)
        while shortfall(self.a) is not None:
            self.a = asked(policy_from(dice), by)
        self.oracle = Oracle(self.a.policy, NOW, by)
        self.decision: tuple[Any, ...] | None = None
        self.decisions = 0

    @rule(seed=SEEDS)
    def happens(self, seed: int) -> None:  # noqa: C901  (a list of what can happen)
        """Let anything happen: the dice are thrown here, so that no run of steps is spent on one kind of thing."""
        self.steps += 1
        dice = Random(f"{self.first} {self.steps} {seed}")
        by, away = dice.choice(PEOPLE), dice.random() < 0.5
        if not self.a.pending and dice.random() < 0.5:
            self.goes_on(dice)
            return
        match dice.choices(KINDS, WEIGHTS)[0]:
            case "decide":
                kind = dice.choice(["approve", "approve", "approve", "approve", "reject", "edit"])
                sights: list[int | str | None] = [*[None] * 8, self.a.revision, 1, 2, "old"]
                shown = dice.choice(sights)
                ago = dice.choice([0, 0, 0, 10, 11, None])
                self.decides(by, kind, dice.choice("56"), shown, ago, away)
            case "claim":
                self.claims(by, away)
            case "release":
                self.releases(by)
            case "delegate":
                self.delegates(by, dice.choice(["dan", "carol", "eve", "dora", "alice", "", "role:ops"]), away)
            case "reassign":
                self.reassigns(dice.choice([ADMIN, ADMIN, by]), some(dice)[dice.choice([0, 0, 0, 3]) :])
            case "talk":
                self.talks(by, dice.choice(["see", "comment", "spoof"]), dice.choice(["hm", "so", ""]))
            case "ask":
                answers = self.a.handling.inquiry is not None and dice.random() < 0.8
                who = dice.choice([by, ADMIN, self.oracle.requester or by]) if answers else by
                self.asks(who, answers, dice.choice(["why?", "because"]))
            case "cancel":
                self.cancels(by)
            case "observe" if self.a.external:
                self.observes(by, dice.random() < 0.5)
            case "look":
                self.look(dice.random() < 0.5)
            case _:
                self.now += dice.choice([0, 1, 5, 10, 14, 15, 15, 30, 60]) * MINUTE

    def goes_on(self, dice: Random) -> None:
        """Let the run take a decision up, or go on without it, or ask again."""
        if self.a.status is S.SUPERSEDED:
            self.asks_again()
        else:
            self.apply(Supersede("x") if dice.random() < 0.7 else Consume())

    # What time does

    def look(self, expire: bool) -> None:
        """Let a worker come by."""
        before, late = self.a, self.oracle.is_late(self.now)
        moved = self.apply(Expire() if expire else Chime())
        if moved is not None and expire and before.pending:
            assert late
            assert not self.a.pending
        elif before.pending and expire:
            assert not late

    # What people do

    def decides(self, by: Actor, kind: str, content: str, shown: int | str | None, ago: int | None, away: bool) -> None:
        """Let somebody decide."""
        by = evolve(by, authenticated_at=None if ago is None else self.now - ago * MINUTE)
        saw = Shown(digest="v1:old") if shown == "old" else Shown(revision=shown if isinstance(shown, int) else None)
        standing = standing_of(by, away=away)
        events: dict[str, Approve | Reject | Edit] = {
            "approve": Approve(by, saw, standing),
            "reject": Reject(by, "no", saw, standing),
            "edit": Edit(by, content, saw, standing),
        }
        if self.a.pending and not self.a.external:
            self.judged(kind, events[kind])
        else:
            self.apply(events[kind])

    def judged(self, kind: str, event: Approve | Reject | Edit) -> None:
        """Compare what the table says with what the oracle says."""
        before, oracle = self.a, self.oracle
        seen = event.shown.digest is None and event.shown.revision in (None, oracle.revision)
        seats = oracle.may(kind, event.by, event.standing, self.now) if seen else []
        moved = self.apply(event)
        if isinstance(event, Edit):
            if moved is not None:
                self.check_edit(before, event, seats)
            return
        if moved is None:
            self.check_refused(event, seats)
            return
        approves = kind == "approve"
        by = next(
            v.by
            for v in self.a.votes
            if v.at == self.now and people(v.by) & people(event.by) and v.approves is approves
        )
        fits = next((fits for seat, fits in seats if people(seat) == people(by)), None)
        assert fits is not None, "somebody voted who may not"
        oracle.ballots = oracle.with_vote(by, fits, approves=approves)
        ends = oracle.ends(oracle.ballots)
        assert self.a.status.value == (ends or "pending")

    def check_refused(self, event: Approve | Reject, seats: list[tuple[Actor, frozenset[int]]]) -> None:
        """Nobody who may is refused, unless they have said so before, or stand in for several."""
        if len(seats) != 1:
            return
        by, fits = seats[0]
        if sum(bool(each.names & people(by)) for each in self.oracle.ballots) > 1:
            return
        after = self.oracle.with_vote(by, fits, approves=isinstance(event, Approve))
        assert set(after) == set(self.oracle.ballots) or self.repeats(after), "somebody was refused who may vote"

    def repeats(self, ballots: list[Ballot]) -> bool:
        """Whether votes are those that there were, but for under whose name one human cast theirs."""
        key = [(each.approves, each.fits) for each in self.oracle.ballots]
        return sorted(map(repr, key)) == sorted(repr((each.approves, each.fits)) for each in ballots)

    def check_edit(self, before: Approval, event: Edit, seats: list[tuple[Actor, frozenset[int]]]) -> None:
        """Who edited was allowed to, votes are void, and the edit counts only for who may approve."""
        oracle, editor = self.oracle, self.a.editor
        assert editor is not None
        fits = next((fits for seat, fits in seats if people(seat) == people(editor)), None)
        assert fits is not None, "somebody edited who may not"
        oracle.revision, oracle.editor, oracle.ballots = oracle.revision + 1, editor, []
        if oracle.policy.counts_edits and fits:
            oracle.ballots = [Ballot(frozenset(people(editor)), True, fits)]
        ends = oracle.ends(oracle.ballots)
        assert (self.a.content, before.proposal) == (event.content, self.a.proposal)
        assert self.a.status.value == ("edited" if ends else "pending")

    def claims(self, by: Actor, away: bool) -> None:
        """Let somebody take it on."""
        standing = standing_of(by, away=away)
        seats = self.oracle.may("claim", by, standing, self.now)
        if self.apply(Claim(by, standing)) is not None:
            taken = self.a.handling.taken
            assert taken is not None
            assert any(people(seat) == people(taken.by) for seat, _ in seats)
            self.oracle.claimed = (people(taken.by), self.oracle.elapsed(self.now))

    def releases(self, by: Actor) -> None:
        """Let somebody give a claim up."""
        if self.apply(Release(by)) is not None:
            assert self.oracle.claimed is not None
            assert by == ADMIN or people(by) & self.oracle.claimed[0]
            self.oracle.claimed = None

    def delegates(self, by: Actor, to: str, away: bool) -> None:
        """Let somebody hand on a seat."""
        standing = standing_of(by, away=away)
        seats = self.oracle.may("delegate", by, standing, self.now)
        if self.apply(Delegate(by, to, standing)) is not None:
            given = self.a.handling.delegations[-1]
            assert (given.to, len(given.through) <= 3, to in given.through) == (to, True, False)
            assert ":" not in to
            assert to
            assert any(seat.person == given.owner for seat, _ in seats)
            self.oracle.lent.append((given.owner, to, set(given.grants)))

    def reassigns(self, by: Actor, to: list[str]) -> None:
        """Let an admin, or somebody who is none, say who is to decide."""
        if self.apply(Reassign(by, tuple(dict.fromkeys(to)))) is not None:
            assert by == ADMIN
            assert to
            self.oracle.named = (set(to), self.oracle.elapsed(self.now))
            self.oracle.lent, self.oracle.claimed = [], None

    def talks(self, by: Actor, kind: str, text: str) -> None:
        """Let somebody look or say something: it decides nothing."""
        before = self.a
        comment = Comment(by, text, standing_of(by, away=False))
        self.apply(See(by) if kind == "see" else Spoof(by, ("by",), (text,)) if kind == "spoof" else comment)
        assert (self.a.votes, self.a.status) == (before.votes, before.status)

    def asks(self, by: Actor, answers: bool, text: str) -> None:
        """Let somebody ask the requester, or answer."""
        standing, oracle = standing_of(by, away=False), self.oracle
        seats = oracle.may("inquire", by, standing, self.now)
        if self.apply(Answer(by, text) if answers else Inquire(by, text, standing)) is None:
            return
        if not answers:
            assert seats
            oracle.stopped_at = self.now if oracle.policy.questions_stop_clock else None
            return
        requester = oracle.requester
        assert requester is None or by == ADMIN or people(by) & people(requester)
        if oracle.stopped_at is not None:
            oracle.stopped, oracle.stopped_at = oracle.stopped + (self.now - oracle.stopped_at), None

    def cancels(self, by: Actor) -> None:
        """Let somebody withdraw it."""
        if self.apply(Cancel(by)) is not None:
            requester = self.oracle.requester
            assert requester is None or by == ADMIN or people(by) & people(requester)

    # What the engine does

    def observes(self, by: Actor, approves: bool) -> None:
        """Let the system of record answer."""
        self.apply(Observe(by, approves))

    def asks_again(self) -> None:
        """Let a retried run ask anew: that is a new question."""
        revision = self.a.revision + 1
        question = evolve(asked(self.a.policy, self.a.requested_by, external=self.a.external), asked_at=self.now)
        if question.deadline is not None:
            question = evolve(question, deadline=self.now + (question.deadline - NOW))
        assert self.apply(AskAgain(question)) is not None
        self.oracle = Oracle(self.a.policy, self.now, self.a.requested_by, revision)
        self.decision, self.decisions = None, 0

    # What holds of every move

    def apply(self, event: Event) -> Transition | None:
        """Decide, and compare before with after; None where nothing changed."""
        before = self.a
        answer: Answered = decide(before, event, self.now)
        again: Answered = decide(before, event, self.now)
        assert answer == again
        made = answer.unwrap() if isinstance(answer, Ok) else None
        if made is None or not made.changed:
            assert made is None or made.approval == before
            return None
        self.a = made.approval
        assert self.a.version == before.version + 1
        assert (self.a.proposal, self.a.policy, self.a.run_id, self.a.key) == (
            before.proposal,
            before.policy,
            before.run_id,
            before.key,
        )
        assert self.a.revision == before.revision + isinstance(event, Edit | AskAgain)
        self.check_facts(event, made)
        if before.pending and not self.a.pending and self.a.status is not S.SUPERSEDED:
            self.decisions += 1
        self.entries += chained("r", head_of(self.entries[-1] if self.entries else None), made.facts)
        return made

    def check_facts(self, event: Event, made: Transition) -> None:
        """The ledger says what happened: levels first, then what was done, by whom, and what came of it."""
        told = [fact.event for fact in made.facts]
        while told[0] is E.ESCALATED:
            told.pop(0)
            if not told:
                break
        assert tuple(told) in _NOTED[type(event)]
        assert all((fact.at, fact.key) == (self.now, "manager") for fact in made.facts)
        assert (made.facts[-1].revision, made.facts[-1].digest) == (self.a.revision, self.a.digest)
        by = getattr(event, "by", None)
        assert by is None or (made.facts[-1].by or by).name == by.name
        if made.approval.status is not S.PENDING:
            assert told

    @invariant()
    def there_is_one_decision(self) -> None:
        """Once closed, who, when, what and why never change."""
        assert self.decisions <= 1
        if self.a.closing is None:
            return
        decision = (self.a.closing, self.a.edited, self.a.editor, self.a.votes)
        assert self.decision in (None, decision)
        self.decision = decision

    @invariant()
    def what_is_decided_is_what_was_shown(self) -> None:
        """The digest covers the content at every moment, and an outcome has just that content."""
        assert self.a.intact()
        outcome = self.a.outcome
        assert (outcome is None) is (self.a.status in {S.PENDING, S.CANCELLED, S.SUPERSEDED})
        if isinstance(outcome, Approved | Edited):
            assert outcome.value == self.a.content

    @invariant()
    def it_comes_back_from_its_row(self) -> None:
        """Written and read, it is equal."""
        assert approval_of(row_of_approval(self.a)) == self.a

    @invariant()
    def it_is_never_stuck(self) -> None:
        """Whatever has happened, people who may can still approve it, or the deadline ends it."""
        if not self.a.pending or self.a.external:
            return
        stopped = self.a.handling.inquiry is not None
        a = (
            decide(self.a, Answer(ADMIN, "go on"), self.now).unwrap().approval
            if stopped and not self.late()
            else self.a
        )
        assert a.deadline is not None or ends_by_people(a, self.now), a

    def late(self) -> bool:
        """Whether the deadline is past, and nobody has come by."""
        return self.oracle.is_late(self.now)

    def teardown(self) -> None:
        """The ledger of all that happened is one chain."""
        if hasattr(self, "entries"):
            assert verify("r", self.entries).map(lambda head: head.seq).unwrap() == len(self.entries)


def ends_by_people(a: Approval, now: Any) -> bool:
    """Whether it is approved where everybody who may does, once all levels have been told and every claim given up."""
    for later in (0, 60, 180):
        at = now + later * MINUTE
        a = decide(a, Chime(), at).map(lambda made: made.approval).value_or(a)
        for actor in [*PEOPLE, Actor("eve"), *MORE]:
            a = decide(a, Release(ADMIN), at).map(lambda made: made.approval).value_or(a)
            fresh = Approve(evolve(actor, authenticated_at=at), standing=standing_of(actor, away=False))
            a = decide(a, fresh, at).map(lambda made: made.approval).value_or(a)
            if not a.pending:
                return True
    return False


_NOTED: dict[type, set[tuple[AuditEvent, ...]]] = {
    Approve: {(E.VOTED,), (E.APPROVED,), (E.VOTED, E.APPROVED)},
    Reject: {(E.OPPOSED,), (E.REJECTED,), (E.OPPOSED, E.REJECTED)},
    Edit: {(E.EDITED,)},
    Cancel: {(E.CANCELLED,)},
    See: {(E.SEEN,)},
    Spoof: {(E.SPOOFED,)},
    Claim: {(E.CLAIMED,)},
    Release: {(E.RELEASED,)},
    Delegate: {(E.DELEGATED,)},
    Reassign: {(E.REASSIGNED,)},
    Comment: {(E.COMMENTED,)},
    Inquire: {(E.INQUIRED,)},
    Answer: {(E.ANSWERED,)},
    Chime: {(), (E.REMINDED,)},
    Expire: {(E.EXPIRED,), (E.REJECTED,), (E.APPROVED,)},
    Observe: {(E.APPROVED,), (E.REJECTED,)},
    Supersede: {(E.SUPERSEDED,)},
    AskAgain: {(E.ASKED,)},
    Consume: {(E.CONSUMED,)},
}

Policies.TestCase.settings = settings(
    max_examples=at_length(50, 500),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnyPolicy = Policies.TestCase


@pytest.mark.parametrize("seed", range(at_length(80, 500)))
def test_no_history_breaks_a_rule(seed: int) -> None:
    """Forty things happen to one approval, spread evenly over all that can: the same judge as above looks on."""
    dice, policies = Random(seed), Policies()
    policies.ask(dice.getrandbits(32))
    for _ in range(40):
        policies.happens(dice.getrandbits(32))
        policies.there_is_one_decision()
        policies.what_is_decided_is_what_was_shown()
        policies.it_comes_back_from_its_row()
        policies.it_is_never_stuck()
    policies.teardown()
