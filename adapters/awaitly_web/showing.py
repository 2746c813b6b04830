"""The library's values as the JSON that the API answers. What is redacted stays so in all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from awaitly_web.core import (
    Absence,
    Actor,
    Approval,
    DeadLetter,
    Decision,
    Entry,
    Failed,
    Head,
    History,
    Notice,
    PendingApproval,
    Progress,
    Raised,
    Returned,
    RunDetails,
    RunRecord,
    Scheduled,
    Step,
    Veil,
    Wait,
    WaitKind,
    from_micros,
    promise_id,
    said,
)

__all__ = [
    "Plain",
    "plain_absence",
    "plain_approval",
    "plain_dead_letter",
    "plain_decision",
    "plain_details",
    "plain_entry",
    "plain_head",
    "plain_history",
    "plain_notice",
    "plain_pending",
    "plain_progress",
    "plain_run",
    "plain_schedule",
]

Plain: TypeAlias = Mapping[str, Any]


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _name(actor: Actor | None) -> str | None:
    return None if actor is None else actor.name


def plain_pending(pending: PendingApproval) -> Plain:
    """Show an approval that waits."""
    return {
        "run_id": pending.run_id,
        "key": pending.key,
        "workflow": pending.workflow,
        "summary": pending.summary,
        "arguments": pending.arguments,
        "revision": pending.revision,
        "digest": pending.digest,
        "asked_at": pending.asked_at.isoformat(),
        "deadline": _at(pending.deadline),
        "reason": pending.reason,
        "requested_by": pending.requested_by,
        "metadata": pending.metadata,
        "external": pending.external,
        "policy": pending.policy,
        "needs": pending.needs,
        "votes": list(pending.votes),
        "edited_by": pending.edited_by,
        "claimed_by": pending.claimed_by,
        "asks_requester": pending.asks_requester,
    }


def plain_decision(decision: Decision) -> Plain:
    """Show what a verb did."""
    approval = decision.approval
    return {
        "run_id": approval.run_id,
        "key": approval.key,
        "status": approval.status.value,
        "revision": approval.revision,
        "digest": approval.digest,
        "replayed": decision.replayed,
        "decided": decision.outcome is not None,
    }


def plain_approval(approval: Approval) -> Plain:
    """Show an approval as it stands, decided or not: what is asked, what was first proposed, who said what."""
    veil, handling, closing = Veil((approval,)), approval.handling, approval.closing
    shown = approval.view()
    first = approval.proposal if approval.edited is not None else approval.content
    return {
        **plain_pending(shown),
        "status": approval.status.value,
        "original": veil.value(first),
        "schema": _schema(approval.schema),
        "votes": [
            {
                "by": vote.by.name,
                "approves": vote.approves,
                "revision": vote.revision,
                "at": vote.at.isoformat(),
                "reason": veil.text(vote.reason),
            }
            for vote in approval.votes
        ],
        "remarks": [
            {"kind": each.kind.value, "by": each.by.name, "at": each.at.isoformat(), "text": veil.text(each.text)}
            for each in handling.remarks
        ],
        "delegations": [{"owner": each.owner, "to": each.to} for each in handling.delegations],
        "stage": None if approval.stage is None else {"chain": approval.stage.chain, "name": approval.stage.name},
        "closed_by": None if closing is None else closing.by.name,
        "closed_at": None if closing is None else closing.at.isoformat(),
        "closed_because": None if closing is None else veil.text(closing.reason),
    }


def _schema(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def plain_run(run: RunRecord) -> Plain:
    """Show a run in a listing; neither its arguments nor its result are in it."""
    return {
        "run_id": run.run_id,
        "workflow": run.workflow,
        "status": run.status.value,
        "created_at": run.created_at.isoformat(),
        "updated_at": run.updated_at.isoformat(),
        "due_at": _at(run.due_at),
        "requested_by": _name(run.requested_by),
        "queue": run.queue,
        "priority": run.priority.value,
        "attempts": run.attempts,
        "parent": run.parent,
        "forked_from": run.forked_from,
    }


def plain_details(details: RunDetails) -> Plain:
    """Show a run, what it asks and waits for, and what came of it."""
    veil = Veil(details.approvals)
    return {
        **plain_run(details.run),
        "reason": veil.text(details.run.reason),
        "result": _outcome(details.run, veil),
        "approvals": [plain_approval(approval) for approval in details.approvals],
        "awaiting": [_wait(wait, details.run.run_id) for wait in details.awaiting],
        "damage": list(details.damage),
    }


def plain_history(history: History) -> Plain:
    """Show a run with its steps, whose results are not in it."""
    details = RunDetails(history.run, history.approvals, history.run.updated_at, history.damage, history.messages)
    return {
        **plain_details(details),
        "steps": [_step(step) for step in history.steps],
        "messages": [
            {
                "kind": each.kind.value,
                "name": each.name,
                "sent_at": each.sent_at.isoformat(),
                "by": _name(each.by),
                "unread": each.unread,
            }
            for each in history.messages
        ],
        "ledger": len(history.entries),
    }


def _outcome(run: RunRecord, veil: Veil) -> Plain | None:
    match run.result:
        case Returned(payload):
            return {"ok": veil.value(payload)}
        case Failed(payload):
            return {"error": veil.value(payload)}
        case Raised(error):
            message = veil.text(error.message)
            return {"error": {"kind": error.kind, "message": message, "where": error.where, "attempts": error.attempts}}
        case _:
            return None


def _wait(wait: Wait, run_id: str) -> Plain:
    return {
        "key": wait.key,
        "kind": wait.kind.value,
        "name": None if wait.kind is WaitKind.RETRY else wait.name or None,
        "promise_id": promise_id(run_id, wait.name) if wait.kind is WaitKind.PROMISE else None,
        "since": wait.since.isoformat(),
        "until": _at(wait.until),
    }


def _step(step: Step) -> Plain:
    return {
        "key": step.key,
        "started_at": step.started_at.isoformat(),
        "ended_at": step.ended_at.isoformat(),
        "attempts": step.attempts,
    }


def plain_progress(progress: Progress) -> Plain:
    """Show how far a chain has come."""
    stages = [
        {"name": stage.name, "state": stage.state.value, "waits_for": list(stage.waits_for)}
        for stage in progress.stages
    ]
    return {"run_id": progress.run_id, "chain": progress.chain, "stages": stages}


def plain_entry(entry: Entry, veil: Veil) -> Plain:
    """Show an entry of the ledger, without redacted values in what was said; of one that is none only its place."""
    try:
        told: dict[str, Any] = said(entry)
        at = from_micros(told["at"]).isoformat()
    except (ValueError, KeyError, TypeError):
        return {"seq": entry.seq, "hash": entry.hash, "damaged": True}
    if "reason" in told:
        told["reason"] = veil.text(told["reason"])
    return {"seq": entry.seq, "hash": entry.hash, **told, "at": at}


def plain_head(run_id: str, head: Head) -> Plain:
    """Show the end of a ledger."""
    return {"run_id": run_id, "entries": head.seq, "head": f"{head.seq}:{head.hash}"}


def plain_notice(notice: Notice) -> Plain:
    """Show a notice; what a channel gave for it is the channel's own."""
    return {
        "run_id": notice.run_id,
        "key": notice.key,
        "id": notice.id,
        "channel": notice.channel,
        "place": notice.place,
        "kind": notice.kind.value,
        "about": notice.about,
        "to": list(notice.to),
        "at": notice.at.isoformat(),
        "due_at": _at(notice.due_at),
        "attempts": notice.attempts,
        "sent_at": _at(notice.sent_at),
        "error": notice.error,
        "dead": notice.dead,
    }


def plain_dead_letter(letter: DeadLetter) -> Plain:
    """Show a notice that was given up."""
    return {
        "run_id": letter.run_id,
        "key": letter.key,
        "id": letter.id,
        "channel": letter.channel,
        "place": letter.place,
        "kind": None if letter.kind is None else letter.kind.value,
        "about": letter.about,
        "at": _at(letter.at),
        "attempts": letter.attempts,
        "error": letter.error,
    }


def plain_schedule(schedule: Scheduled) -> Plain:
    """Show a schedule."""
    return {
        "name": schedule.name,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "at": schedule.at.isoformat(),
        "workflow": schedule.workflow,
        "queue": schedule.queue,
        "priority": schedule.priority.value,
        "trouble": schedule.trouble,
    }


def plain_absence(absence: Absence) -> Plain:
    """Show an absence."""
    return {
        "owner": absence.owner.name,
        "to": absence.to,
        "since": absence.since.isoformat(),
        "until": absence.until.isoformat(),
    }
