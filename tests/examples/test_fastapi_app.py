from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from attrs import frozen

from tests.examples.support import browser, run, served, worked

WORKER = "fastapi_app.purchases:orchestrator"


@frozen
class Office:
    """The application as it is served, its folder, and a browser for each of its people."""

    address: str
    folder: Path
    ida: httpx2.Client
    mona: httpx2.Client

    def ask(self, price: str, item: str = "Chair", wanted: str | None = None, **other: str) -> str:
        """Have ida ask for something, and give its id."""
        wanted = wanted or str(uuid4())
        form = {"id": wanted, "item": item, "price": price, "why": "Mine broke.", **other}
        answer = self.ida.post("/purchases", data=form)
        assert answer.status_code == 303, answer.text
        return wanted

    def work(self) -> None:
        """Let a worker do what is due."""
        worked(self.folder, WORKER)

    def standing(self, wanted: str) -> str:
        """Give what ida is told of a wish."""
        told: str = self.ida.get(f"/purchases/{wanted}").json()["standing"]
        return told

    def orders(self) -> list[tuple[str, str]]:
        """Give what the supplier was sent."""
        with closing(sqlite3.connect(self.folder / "orders.db")) as database:
            return database.execute("SELECT item, price FROM orders").fetchall()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Generator[Office]:
    """Serve the application, with ida and mona signed in."""
    folder = tmp_path_factory.mktemp("office")
    printed = run(folder, "fastapi_app.people", "ida", "mona:lead").splitlines()
    passwords = dict(line.split(": ") for line in printed)
    with ExitStack() as stack:
        address = stack.enter_context(served(folder, "fastapi_app.app:app"))
        clients: list[httpx2.Client] = []
        for name in ("ida", "mona"):
            client = stack.enter_context(browser(address))
            assert client.post("/sign-in", data={"name": name, "password": passwords[name]}).status_code == 303
            clients.append(client)
        yield Office(address, folder, *clients)


def decide(client: httpx2.Client, wanted: str, verb: str, body: dict[str, Any]) -> httpx2.Response:
    """Decide by the API that the inbox has, with the cookie of the application's own sign-in."""
    token = client.get("/approvals/api/me").json()["csrf_token"]
    path = f"/approvals/api/runs/purchase%2Fida%2F{wanted}/approvals/lead/{verb}"
    return client.post(path, json=body, headers={"x-csrf-token": token})


def test_a_small_wish_is_ordered_without_anybody(office: Office) -> None:
    """It is on its way until a worker has ordered it."""
    wanted = office.ask("99.99", "Lamp")
    assert office.standing(wanted) == "on its way"
    office.work()
    assert office.standing(wanted).startswith("ordered for 99.99, as order ")
    assert ("Lamp", "99.99") in office.orders()


def test_a_lead_edits_a_large_wish_in_the_inbox(office: Office) -> None:
    """Who asked sees that it waits, then the new price; the order has that price, however often a worker comes."""
    wanted = office.ask("450", "Desk")
    office.work()
    assert office.standing(wanted) == "waits for a lead: Buy Desk for 450.00"
    assert "Buy Desk for 450.00" in office.mona.get("/approvals/").text
    assert decide(office.mona, wanted, "edit", {"value": "400.00"}).json()["status"] == "edited"
    office.work()
    office.work()
    assert office.standing(wanted).startswith("ordered for 400.00, as order ")
    assert [price for item, price in office.orders() if item == "Desk"] == ["400.00"]
    assert "ordered for 400.00" in office.ida.get("/").text


def test_a_rejected_wish_says_why(office: Office) -> None:
    """And nothing is ordered."""
    wanted = office.ask("4000", "Statue")
    office.work()
    assert decide(office.mona, wanted, "reject", {"reason": "no room"}).status_code == 200
    office.work()
    assert office.standing(wanted).startswith("not ordered: ")
    assert "no room" in office.standing(wanted)
    assert all(item != "Statue" for item, _ in office.orders())


def test_what_the_supplier_lacks_is_told(office: Office) -> None:
    """The error of a step is a sentence on the page."""
    wanted = office.ask("5", "Unobtainium")
    office.work()
    assert office.standing(wanted) == "not ordered: Unobtainium is sold out"


def test_a_form_that_is_sent_twice_is_one_wish(office: Office) -> None:
    """Another wish under the same id is a conflict."""
    wanted = office.ask("7", "Pen")
    office.ask("7", "Pen", wanted)
    office.work()
    assert [item for item, _ in office.orders()].count("Pen") == 1
    other = office.ida.post("/purchases", data={"id": wanted, "item": "Ink", "price": "7", "why": "Empty."})
    assert other.status_code == 409


def test_who_asked_does_not_decide(office: Office) -> None:
    """Neither a clerk, nor a lead on a wish of her own."""
    wanted = office.ask("150")
    office.work()
    assert decide(office.ida, wanted, "approve", {}).status_code == 403
    hers = str(uuid4())
    form = {"id": hers, "item": "Sofa", "price": "900", "why": "Tired."}
    assert office.mona.post("/purchases", data=form).status_code == 303
    office.work()
    token = office.mona.get("/approvals/api/me").json()["csrf_token"]
    path = f"/approvals/api/runs/purchase%2Fmona%2F{hers}/approvals/lead/approve"
    assert office.mona.post(path, json={}, headers={"x-csrf-token": token}).status_code == 403


def test_nobody_sees_the_wishes_of_others(office: Office) -> None:
    """Not by their ids either."""
    wanted = office.ask("8", "Secret gift")
    assert office.mona.get(f"/purchases/{wanted}").status_code == 404
    assert wanted not in office.mona.get("/").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": "0"},
        {"price": "-5"},
        {"price": "1.005"},
        {"price": "NaN"},
        {"price": "1e9"},
        {"price": "much"},
        {"item": ""},
        {"item": "x" * 201},
        {"id": "1"},
    ],
)
def test_a_form_that_does_not_fit_is_refused(office: Office, wrong: dict[str, str]) -> None:
    """Before anything begins."""
    form = {"id": str(uuid4()), "item": "Chair", "price": "10", "why": "Mine broke.", **wrong}
    assert office.ida.post("/purchases", data=form).status_code == 422
    assert office.ida.get(f"/purchases/{form['id']}").status_code in {404, 422}


def test_without_a_session_there_is_nothing(office: Office) -> None:
    """In the application, and in what is mounted; a password that does not fit makes none."""
    with browser(office.address) as stranger:
        assert 'name="password"' in stranger.get("/").text
        for name in ("ida", "nobody"):
            assert stranger.post("/sign-in", data={"name": name, "password": "guessed"}).status_code == 401
        form = {"id": str(uuid4()), "item": "Chair", "price": "10", "why": "Mine broke."}
        assert stranger.post("/purchases", data=form).status_code == 401
        stranger.cookies.set("shop-session", "made-up")
        assert stranger.get("/approvals/").status_code == 401
        assert stranger.get("/approvals/api/inbox").status_code == 401


def test_signing_out_ends_the_session_in_the_inbox_too(office: Office) -> None:
    """The cookie that somebody kept is worth nothing any more."""
    printed = run(office.folder, "fastapi_app.people", "zoe:lead")
    with browser(office.address) as zoe:
        zoe.post("/sign-in", data={"name": "zoe", "password": printed.strip().partition(": ")[2]})
        kept = zoe.cookies["shop-session"]
        assert zoe.get("/approvals/").status_code == 200
        assert zoe.post("/sign-out").status_code == 303
        zoe.cookies.set("shop-session", kept)
        assert zoe.get("/approvals/").status_code == 401


def test_a_page_of_another_site_asks_for_nothing(office: Office) -> None:
    """Though the browser sends the cookie along."""
    form = {"id": str(uuid4()), "item": "Chair", "price": "10", "why": "Mine broke."}
    for header in ({"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}):
        assert office.ida.post("/purchases", data=form, headers=header).status_code == 403


def test_words_are_shown_as_text(office: Office) -> None:
    """Neither page takes them for markup."""
    office.ask("200", "<script>alert(1)</script>")
    office.work()
    for client, path in ((office.ida, "/"), (office.mona, "/approvals/")):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
