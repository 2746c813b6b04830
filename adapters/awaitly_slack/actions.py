"""Callbacks of Slack: whoever presses a button decides, as the actor that the application knows them as.

A plain function of headers and body, so that any web framework can mount it. Slack wants an answer within three
seconds: what takes longer goes on, and is answered where the button stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Self, TypeAlias

from awaitly import (
    Actor,
    Decision,
    DefinitionError,
    Delivery,
    Duration,
    Err,
    Links,
    NoticeKind,
    Ok,
    Orchestrator,
    PendingApproval,
    StoreError,
    Undeliverable,
    as_timedelta,
    utc_now,
)
from awaitly_slack.buttons import Press
from awaitly_slack.payload import Pressed, pressed_in
from awaitly_slack.people import People, actor_of
from awaitly_slack.replies import Replies
from awaitly_slack.signing import checked_secrets, is_signed

__all__ = ["SlackActions"]

Answer: TypeAlias = tuple[int, Mapping[str, str], bytes]

LOGGER = logging.getLogger("awaitly.slack")
LARGEST = 256 * 1024
"""Bytes of a body that are looked at."""
_LONGEST_WAIT = 2.5
_PLAIN = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
_BROKEN = "This did not work, and may not have been written. Look at the page, or press again: it counts once."


class SlackActions:
    """Takes what people press in Slack: `await actions(headers, body)` gives a status, headers and a body.

    `signing_secrets` are the app's, several while they are changed. `people` gives the actor that a user is, None for
    a stranger; it may be async. With `teams`, users of other workspaces are strangers. `links` gives whoever presses
    Open a link of their own. A decision binds the content that the button stood beside: on anything newer it is
    refused. What is answered is seen by whoever pressed alone. Close it by `await actions.close()`, or use it as
    `async with`. Raises `DefinitionError` for secrets that are none.
    Raises `ValueError` where `patience` is no length of time.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        *,
        signing_secrets: Iterable[str] | str,
        people: People,
        teams: Iterable[str] | None = None,
        links: Links | None = None,
        answers_at: str = "https://hooks.slack.com/",
        patience: Duration = "2s",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if isinstance(teams, str):
            raise DefinitionError(f"teams are named in a list: [{teams!r}]")
        self._orchestrator = orchestrator
        self._secrets = checked_secrets(signing_secrets)
        self._people = people
        self._teams = None if teams is None else frozenset(teams)
        self._links = links
        self._replies = Replies(answers_at)
        self._patience = min(as_timedelta(patience).total_seconds(), _LONGEST_WAIT)
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()

    async def __call__(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Take a request: 200 where it is from Slack, whatever comes of it; 401 where it is not, 400 for nonsense.

        `body` is as it came, byte by byte. Never raises.
        """
        if len(body) > LARGEST:
            return _answer(413, "too large")
        if not is_signed(headers, body, self._secrets, self._clock()):
            return _answer(401, "not signed by Slack")
        try:
            pressed = pressed_in(body)
        except ValueError:
            return _answer(400, "not understood")
        if pressed is not None:
            await self._begun(pressed)
        return _answer(200, "")

    async def __aenter__(self) -> Self:
        """Nothing is to be opened."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let what is under way end."""
        await self.close()

    async def close(self) -> None:
        """Let what is under way end."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _begun(self, pressed: Pressed) -> None:
        """Do what was pressed, and wait for that as long as Slack does: what is decided is not given up then."""
        task = asyncio.create_task(self._done(pressed))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.wait({task}, timeout=self._patience)

    async def _done(self, pressed: Pressed) -> None:
        """Do what was pressed, and say to whoever did what came of it."""
        try:
            text, url = await self._came_of(pressed)
        except StoreError as error:
            LOGGER.warning("a decision from Slack found no store: %s", error)
            text, url = _BROKEN, None
        except Exception:
            LOGGER.exception("a decision from Slack failed")
            text, url = _BROKEN, None
        await self._replies.say(pressed.answer_to, text, url)

    async def _came_of(self, pressed: Pressed) -> tuple[str, str | None]:
        known = self._teams is None or pressed.user.team in self._teams
        actor = await actor_of(self._people, pressed.user) if known else None
        if actor is None:
            return "Nobody here knows you by your Slack account, so nothing was done.", None
        if pressed.press is Press.OPEN:
            return await self._opened(pressed, actor)
        return await self._decided(pressed, actor), None

    async def _decided(self, pressed: Pressed, actor: Actor) -> str:
        bound = pressed.bound
        verb = self._orchestrator.approve if pressed.press is Press.APPROVE else self._orchestrator.reject
        match await verb(bound.run_id, bound.key, by=actor, revision=bound.revision, digest=bound.digest):
            case Ok(decision):
                return _said(decision)
            case Err(refusal):
                return f"Nothing was decided: {refusal}"

    async def _opened(self, pressed: Pressed, actor: Actor) -> tuple[str, str | None]:
        approval = await self._waiting(pressed)
        if approval is None:
            return "It waits no more.", None
        now = self._clock()
        about = Delivery(
            id="",
            kind=NoticeKind.NEEDED,
            at=now,
            made_at=now,
            run_id=approval.run_id,
            workflow=approval.workflow,
            approval=approval,
        )
        try:
            url = None if self._links is None else self._links.url(about, actor)
        except Undeliverable as never:
            return f"There is no page to open: {never}.", None
        return ("There is no page to open.", None) if url is None else ("This link is yours alone:", url)

    async def _waiting(self, pressed: Pressed) -> PendingApproval | None:
        after: str | None = None
        while True:
            page = await self._orchestrator.pending(run_id=pressed.bound.run_id, after=after)
            found = next((each for each in page.items if each.key == pressed.bound.key), None)
            if found is not None or page.after is None:
                return found
            after = page.after


def _said(decision: Decision) -> str:
    """Say what a decision did."""
    if decision.outcome is None:
        return "Your vote counts; others are still to say."
    return f"It is {decision.approval.status.value}."


def _answer(status: int, text: str) -> Answer:
    return status, _PLAIN, text.encode()
