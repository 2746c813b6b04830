"""What happens to an article that is handed in: an editor decides on its title, and it is published under that."""

from typing import TypeAlias

from attrs import frozen
from django.utils import timezone

from awaitly import Err, NotApproved, Ok, Orchestrator, Policy, Result, Run, open_store, workflow

from .models import Article

TITLE = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"\S"}


@frozen
class Published:
    title: str

    def __str__(self) -> str:
        return f"published as {self.title}"


@frozen
class Withdrawn:
    article: int

    def __str__(self) -> str:
        return "its author has taken it back"


PublishError: TypeAlias = Withdrawn | NotApproved


def publish(article: int, title: str) -> Result[Published, Withdrawn]:
    """Publish once. A second try, after a crash, finds that it was done, and leaves the time as it is."""
    found = Article.objects.filter(pk=article)
    found.filter(published_at=None).update(title=title, published_at=timezone.now())
    return Ok(Published(title)) if found.exists() else Err(Withdrawn(article))


@workflow
async def publication(run: Run[PublishError], article: int, title: str, text: str) -> Result[Published, PublishError]:
    agreed = await run.approval(
        "editor",
        proposes=title,
        schema=TITLE,
        summary=f"Publish {title}",
        reason=text,
        policy=Policy(approvers=["role:editors"], expires_in="14d"),
    )
    return Ok(await run.step(publish, article, agreed))


orchestrator = Orchestrator(open_store("sqlite:///approvals.db"), workflows=[publication])
"""Opened by the server's lifespan, and by the worker in its own process."""
