from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from attrs import frozen

from tests.examples.support import browser, run, served, worked

WORKER = "django_app.worker:orchestrator"
SETTINGS = "django_app.settings"


def token_in(page: str) -> str:
    """Give the token that a form of Django's has."""
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found is not None, page
    return found[1]


def send(client: httpx2.Client, path: str, **form: str) -> httpx2.Response:
    """Send a form, with the token of the page that has it."""
    page = client.get("/sign-in" if path == "/sign-in" else "/").text
    return client.post(path, data={"csrfmiddlewaretoken": token_in(page), **form})


@frozen
class Magazine:
    """The application as it is served, its folder, and a browser for each of its people."""

    address: str
    folder: Path
    ida: httpx2.Client
    mona: httpx2.Client

    def hand_in(self, client: httpx2.Client, title: str) -> str:
        """Have somebody write an article and hand it in, let a worker begin, and give its id."""
        assert send(client, "/", title=title, text="It was a dark night.").status_code == 302
        article: str = re.findall(r"/articles/(\d+)/hand-in", client.get("/").text)[0]
        assert send(client, f"/articles/{article}/hand-in").status_code == 302
        self.work()
        return article

    def work(self) -> None:
        """Let a worker do what is due."""
        worked(self.folder, WORKER)


@pytest.fixture(scope="module")
def magazine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Magazine]:
    """Serve the application, with ida and mona signed in."""
    folder = tmp_path_factory.mktemp("magazine")
    run(folder, "django", "migrate", "--settings", SETTINGS)
    printed = run(folder, "django", "people", "ida", "mona:editors", "--settings", SETTINGS).splitlines()
    passwords = dict(line.split(": ") for line in printed)
    with ExitStack() as stack:
        address = stack.enter_context(served(folder, "django_app.asgi:application"))
        clients: list[httpx2.Client] = []
        for name in ("ida", "mona"):
            client = stack.enter_context(browser(address))
            assert send(client, "/sign-in", username=name, password=passwords[name]).status_code == 302
            clients.append(client)
        yield Magazine(address, folder, *clients)


def decide(client: httpx2.Client, article: str, verb: str, body: dict[str, Any]) -> httpx2.Response:
    """Decide by the API that the inbox has, with the cookie of Django's sign-in."""
    token = client.get("/approvals/api/me").json()["csrf_token"]
    path = f"/approvals/api/runs/article%2F{article}/approvals/editor/{verb}"
    return client.post(path, json=body, headers={"x-csrf-token": token})


def test_the_migrations_are_those_of_the_models(tmp_path: Path) -> None:
    """None is missing."""
    assert "No changes" in run(tmp_path, "django", "makemigrations", "--check", "--settings", SETTINGS)


def test_an_editor_mends_a_title_and_it_is_published_under_that(magazine: Magazine) -> None:
    """Everybody can read it then, and nobody before; a second press of the button changes nothing."""
    article = magazine.hand_in(magazine.ida, "A nigth to remember")
    assert "waits for an editor" in magazine.ida.get("/").text
    assert "A nigth to remember" in magazine.mona.get("/approvals/").text
    with browser(magazine.address) as stranger:
        assert stranger.get(f"/articles/{article}").status_code == 404
        edited = decide(magazine.mona, article, "edit", {"value": "A night to remember"})
        assert edited.json()["status"] == "edited"
        magazine.work()
        assert "A night to remember" in stranger.get(f"/articles/{article}").text
    assert "published as A night to remember" in magazine.ida.get("/").text
    assert send(magazine.ida, f"/articles/{article}/take-back").status_code == 302
    assert magazine.ida.get(f"/articles/{article}").status_code == 200


def test_a_rejection_says_why(magazine: Magazine) -> None:
    """And nothing is published."""
    article = magazine.hand_in(magazine.ida, "Ten things")
    assert decide(magazine.mona, article, "reject", {"reason": "too thin"}).status_code == 200
    magazine.work()
    assert "too thin" in magazine.ida.get("/").text
    assert magazine.ida.get(f"/articles/{article}").status_code == 404


def test_what_was_taken_back_is_not_published(magazine: Magazine) -> None:
    """Though an editor has approved it; the run ends with the error that says so."""
    article = magazine.hand_in(magazine.ida, "Never mind")
    assert send(magazine.ida, f"/articles/{article}/take-back").status_code == 302
    assert decide(magazine.mona, article, "approve", {}).json()["status"] == "approved"
    magazine.work()
    assert magazine.ida.get(f"/articles/{article}").status_code == 404
    assert "Withdrawn" in run(
        magazine.folder, "awaitly", "show", f"article/{article}", "--store", "sqlite:///approvals.db"
    )


def test_nobody_decides_on_their_own_and_authors_on_none(magazine: Magazine) -> None:
    """Groups of Django's are the roles; an editor's own article waits for another editor."""
    article = magazine.hand_in(magazine.ida, "Mine")
    assert decide(magazine.ida, article, "approve", {}).status_code == 403
    hers = magazine.hand_in(magazine.mona, "Hers")
    assert decide(magazine.mona, hers, "approve", {}).status_code == 403
    assert send(magazine.mona, f"/articles/{article}/hand-in").status_code == 404


@pytest.mark.parametrize("title", ["", " ", "x" * 201])
def test_an_edit_that_is_no_title_is_refused(magazine: Magazine, title: str) -> None:
    """As the form for authors refuses it."""
    article = magazine.hand_in(magazine.ida, "Fine")
    assert decide(magazine.mona, article, "edit", {"value": title}).status_code == 422
    assert send(magazine.ida, "/", title=title, text="Words.").status_code == 422


def test_without_a_session_there_is_nothing(magazine: Magazine) -> None:
    """In Django's pages, and in what stands beside them."""
    with browser(magazine.address) as stranger:
        assert stranger.get("/approvals/").status_code == 401
        assert send(stranger, "/sign-in", username="mona", password="guessed").status_code == 200
        assert stranger.get("/approvals/api/inbox").status_code == 401
        assert stranger.post("/", data={"title": "x", "text": "y"}).status_code == 403


def test_signing_out_ends_the_session_in_the_inbox_too(magazine: Magazine) -> None:
    """The cookie that somebody kept is worth nothing any more."""
    printed = run(magazine.folder, "django", "people", "zoe:editors", "--settings", SETTINGS)
    with browser(magazine.address) as zoe:
        send(zoe, "/sign-in", username="zoe", password=printed.strip().partition(": ")[2])
        kept = zoe.cookies["sessionid"]
        assert zoe.get("/approvals/").status_code == 200
        assert send(zoe, "/sign-out").status_code == 302
        zoe.cookies.set("sessionid", kept)
        assert zoe.get("/approvals/").status_code == 401
