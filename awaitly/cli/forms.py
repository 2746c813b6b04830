"""The JSON forms of how an approval is handled, what was changed of it, and how far a chain has come."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from awaitly.approvals.approval import Approval, Vote
from awaitly.approvals.differing import ABSENT, edits_of
from awaitly.approvals.eligibility import who_may
from awaitly.approvals.escalation import rungs
from awaitly.approvals.ladder import level_of, next_reminder, time_of
from awaitly.approvals.veil import Veil
from awaitly.verbs.progress import Progress, progress_of

__all__ = ["chains_of", "handled", "plain_chain", "plain_vote"]


def plain_vote(vote: Vote, veil: Veil) -> dict[str, Any]:
    """Show a vote."""
    return {
        "by": vote.by.name,
        "on_behalf_of": vote.by.on_behalf_of,
        "approves": vote.approves,
        "revision": vote.revision,
        "at": vote.at.isoformat(),
        "reason": veil.text(vote.reason),
    }


def handled(one: Approval, veil: Veil) -> dict[str, Any]:
    """Show all that belongs to an approval besides its content, votes and decision.

    `may_decide` has the grants of each quorum, null for anyone; it is empty once nobody may.
    """
    handling = one.handling
    claim, inquiry = handling.taken, handling.inquiry
    return {
        "needs": one.policy.seats,
        "may_decide": [None if grants is None else list(grants) for grants in who_may(one)] if one.pending else [],
        "claim": None
        if claim is None
        else {"by": claim.by.name, "on_behalf_of": claim.by.on_behalf_of, "at": claim.at.isoformat()},
        "delegations": [
            {"owner": each.owner, "to": each.to, "through": list(each.through), "at": each.at.isoformat()}
            for each in handling.delegations
        ],
        "assigned": None if handling.assigned is None else list(handling.assigned),
        "level": level_of(one),
        "ladder": _ladder(one),
        "reminded_at": _moment(handling.reminded_at),
        "next_reminder": _moment(next_reminder(one)) if one.pending else None,
        "inquiry": None
        if inquiry is None
        else {"by": inquiry.by.name, "at": inquiry.at.isoformat(), "stops_clock": inquiry.stops_clock},
        "remarks": [
            {
                "kind": each.kind.value,
                "by": each.by.name,
                "on_behalf_of": each.by.on_behalf_of,
                "at": each.at.isoformat(),
                "text": veil.text(each.text),
            }
            for each in handling.remarks
        ],
        "seen": [{"by": name, "revision": revision} for name, revision in handling.seen],
        "changes": _changes(one),
        "stage": None if one.stage is None else {"chain": one.stage.chain, "name": one.stage.name},
    }


def _ladder(one: Approval) -> list[dict[str, Any]]:
    """Show each telling, with the time that it has as things stand; one that stands still has none."""
    inquiry = one.handling.inquiry
    stands = inquiry is not None and inquiry.stops_clock
    levels = one.policy.escalations
    return [
        {
            "level": rung.level,
            "nth": rung.nth,
            "to": list(levels[rung.level - 1].to),
            "replaces": levels[rung.level - 1].replaces,
            "at": None if stands and number >= one.handling.told else time_of(one, rung).isoformat(),
            "told": number < one.handling.told,
        }
        for number, rung in enumerate(rungs(levels))
    ]


def _changes(one: Approval) -> list[dict[str, Any]]:
    """Show each field that an edit changed; what was not there before, or is not any more, is left out."""
    return [
        {"path": each.path}
        | ({} if each.before is ABSENT else {"before": each.before})
        | ({} if each.after is ABSENT else {"after": each.after})
        for each in edits_of(one)
    ]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def chains_of(run_id: str, approvals: Iterable[Approval]) -> tuple[Progress, ...]:
    """Give the chains of a run, in the order in which they began, as far as they have come."""
    asked = tuple(approvals)
    names = dict.fromkeys(each.stage.chain for each in asked if each.stage is not None)
    found = (progress_of(run_id, name, asked) for name in names)
    return tuple(each for each in found if each is not None)


def plain_chain(chain: Progress) -> dict[str, Any]:
    """Show a chain."""
    return {
        "chain": chain.chain,
        "stages": [
            {
                "name": each.name,
                "state": each.state.value,
                "key": None if each.approval is None else each.approval.key,
                "waits_for": list(each.waits_for),
            }
            for each in chain.stages
        ],
    }
