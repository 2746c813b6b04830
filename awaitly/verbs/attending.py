"""Attending to what waits short of deciding it: claiming, handing on, talking about it, looking at it."""

from __future__ import annotations

from collections.abc import Iterable

from awaitly.actors import By, as_actor
from awaitly.approvals.approval import Decision
from awaitly.approvals.events import Answer, Claim, Comment, Delegate, Inquire, Reassign, Release, See, Spoof
from awaitly.approvals.grants import Grant, checked_grants
from awaitly.errors import Refusal
from awaitly.result import Result
from awaitly.runs.picking import always
from awaitly.verbs.answering import Answering

__all__ = ["Attending"]


class Attending(Answering):
    """Lets people attend to approvals. `key` may be left out where only one waits; each verb is noted in the ledger."""

    async def claim(self, run_id: str, key: str | None = None, *, by: By) -> Result[Decision, Refusal]:
        """Take an approval on, so that others see it.

        Where the policy says so, nobody else may decide until it is released, by the claimer or an admin, or a level of
        the ladder is told; otherwise the next claim replaces it.
        """
        return await self._desk.decide(run_id, key, always(Claim(as_actor(by))))

    async def release(self, run_id: str, key: str | None = None, *, by: By) -> Result[Decision, Refusal]:
        """Give up one's claim; an admin may release anybody's."""
        return await self._desk.decide(run_id, key, always(Release(as_actor(by))))

    async def delegate(self, run_id: str, key: str | None = None, *, to: str, by: By) -> Result[Decision, Refusal]:
        """Let `to`, a person's name, decide on one's behalf. Both may then decide, and have one vote together.

        A seat is handed on three times at most, and never back to somebody who had it: `NotPossible`.
        """
        return await self._desk.decide(run_id, key, always(Delegate(as_actor(by), to)))

    async def reassign(
        self, run_id: str, key: str | None = None, *, to: Iterable[Grant], by: By
    ) -> Result[Decision, Refusal]:
        """Let others decide than the policy's approvers: names, `role:NAME`s and rules. It takes the role `admin`.

        Votes that were cast stand; claims and delegations are void. Raises `PolicyError` for what names nobody.
        """
        grants = checked_grants("to", to)
        return await self._desk.decide(run_id, key, always(Reassign(as_actor(by), grants)))

    async def comment(self, run_id: str, key: str | None = None, *, text: str, by: By) -> Result[Decision, Refusal]:
        """Say something beside an approval: its requester may, whoever may decide or edit, and admins."""
        return await self._desk.decide(run_id, key, always(Comment(as_actor(by), text)))

    async def inquire(self, run_id: str, key: str | None = None, *, text: str, by: By) -> Result[Decision, Refusal]:
        """Ask the requester for more information. With `questions_stop_clock` time stands still until the answer."""
        return await self._desk.decide(run_id, key, always(Inquire(as_actor(by), text)))

    async def answer(self, run_id: str, key: str | None = None, *, text: str, by: By) -> Result[Decision, Refusal]:
        """Answer what was asked: the requester may, or an admin. Time goes on from where it stood still."""
        return await self._desk.decide(run_id, key, always(Answer(as_actor(by), text)), restarts_clock=True)

    async def seen(self, run_id: str, key: str | None = None, *, by: By) -> Result[Decision, Refusal]:
        """Note that somebody was shown the current revision: once for each person and revision."""
        return await self._desk.decide(run_id, key, always(See(as_actor(by))))

    async def spoofed(
        self, run_id: str, key: str | None = None, *, members: Iterable[str], named: Iterable[str] = (), by: By
    ) -> Result[Decision, Refusal]:
        """Note that a request of `by` said that somebody else acts: for whoever takes requests, and has refused it.

        `members` are those of the request that said so, `named` whom it named. It is noted while the approval waits,
        once for each person and revision, and 100 times at most, so that nobody fills a store by it.
        """
        event = Spoof(as_actor(by), tuple(members), tuple(named))
        return await self._desk.decide(run_id, key, always(event))
