from __future__ import annotations

import json
from typing import Any

import pytest

from awaitly import Actor, StoreUnavailable, said
from awaitly.testing import raising
from tests.adapters.web.support import Web
from tests.support import SharedStore

APPROVAL = "/api/runs/r1/approvals/manager"
CLAIMS = ["by", "actor", "original", "approver", "user", "on_behalf_of", "requested_by", "via"]
FORM = "application/x-www-form-urlencoded"


async def spoofs(web: Web, run_id: str = "r1") -> list[dict[str, Any]]:
    """Give what a run's ledger has of requests that said who acts."""
    entries = [said(entry) for entry in await web.orchestrator.ledger(run_id)]
    return [entry for entry in entries if entry["event"] == "spoofed"]


@pytest.mark.parametrize("name", CLAIMS)
async def test_an_actor_in_a_body_is_refused_and_noted(web: Web, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Whoever says that somebody else acts gets a 403, a line in the log, an entry in the ledger, and no decision."""
    await web.parked("r1")
    refused = await web.by("ann:decider").post(f"{APPROVAL}/approve", {name: "bob"})
    assert (refused.status_code, refused.json()["title"]) == (403, "Claimed actor")
    assert f"'ann' claims {name} in a body" in caplog.text
    (noted,) = await spoofs(web)
    named = [] if name in ("original", "via") else ["bob"]
    assert (noted["by"], noted.get("to", []), noted["reason"]) == ("ann", named, f"the request said {name}")
    (approval,) = (await web.orchestrator.status("r1")).unwrap().approvals
    assert (approval.pending, approval.votes) == (True, ())
    (await web.orchestrator.verify("r1")).unwrap()


async def test_naming_oneself_in_a_body_is_unknown_all_the_same(web: Web) -> None:
    """It is no member of any body, and nothing to note."""
    await web.parked("r1")
    assert (await web.by("ann:decider").post(f"{APPROVAL}/approve", {"by": "ann"})).status_code == 422
    assert await spoofs(web) == []


async def test_a_flood_of_claims_is_noted_once(web: Web, store: SharedStore) -> None:
    """Once for each person and revision, however often and by whichever verb; each is a 403 all the same."""
    await web.parked("r1")
    for _ in range(10):
        for verb in ("approve", "reject", "claim"):
            assert (await web.by("ann:decider").post(f"{APPROVAL}/{verb}", {"by": "bob"})).status_code == 403
    assert (len(await spoofs(web)), store.written) == (1, 2)
    await web.by("eve:decider").post(f"{APPROVAL}/approve", {"by": "bob"})
    assert [entry["by"] for entry in await spoofs(web)] == ["ann", "eve"]


@pytest.mark.parametrize("by", ["ann:decider", "eve:decider", "root:admin"])
async def test_a_claim_about_what_is_not_there_is_refused_in_the_same_words(
    web: Web, store: SharedStore, by: str
) -> None:
    """An unknown run, an unknown question, one that is decided: nobody learns which, and nothing is written."""
    await web.parked("r1")
    await web.orchestrator.approve("r1", "manager", by="bob")
    store.reset()
    paths = ["/api/runs/r9/approvals/manager/approve", "/api/runs/r1/approvals/other/approve", f"{APPROVAL}/approve"]
    answers = [await web.by(by).post(path, {"by": "bob"}) for path in paths]
    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {
        (403, f"by is never taken from a body: you are {by.partition(':')[0]}")
    }
    assert store.written == 0


@pytest.mark.parametrize("inside", [True, False])
async def test_deciding_many_claims_for_nobody(web: Web, inside: bool) -> None:
    """Beside the items or in one of them: none is decided, and each approval that they name has its entry."""
    for run_id in ("r1", "r2"):
        await web.parked(run_id)
    items = [{"run_id": run_id, "key": "manager", **await web.shown(run_id)} for run_id in ("r1", "r2")]
    body = {"items": [items[0], {**items[1], "by": "bob"}]} if inside else {"items": items, "by": "bob"}
    refused = await web.by("ann:decider").post("/api/approvals/approve", body)
    assert refused.status_code == 403
    assert [len(await spoofs(web, run_id)) for run_id in ("r1", "r2")] == [1, 1]
    assert len((await web.orchestrator.pending()).items) == 2


async def test_what_is_about_a_run_is_noted_at_what_it_waits_for(web: Web) -> None:
    """Who cancels is not for a body to say; the run goes on waiting."""
    await web.parked("r1")
    refused = await web.by("rita:starter").post("/api/runs/r1/cancel", {"by": "root"})
    assert refused.status_code == 403
    assert [(entry["by"], entry["to"]) for entry in await spoofs(web)] == [("rita", ["root"])]
    assert len((await web.orchestrator.pending()).items) == 1


@pytest.mark.parametrize("path", ["/runs/r1/approvals/manager", "/"])
async def test_a_form_does_not_say_who_acts_either(web: Web, path: str) -> None:
    """A page's form with such a field is a 403, noted, and decides nothing."""
    await web.parked("r1")
    shown = await web.shown("r1")
    item = json.dumps(["r1", "manager", shown["revision"], shown["digest"]])
    body = f"do=approve&revision=1&digest={shown['digest']}&item={item}&by=bob"
    refused = await web.by("ann:decider").send("POST", path, body.encode(), content_type=FORM)
    assert refused.status_code == 403
    assert [(entry["by"], entry["to"]) for entry in await spoofs(web)] == [("ann", ["bob"])]
    assert len((await web.orchestrator.pending()).items) == 1


@pytest.mark.parametrize("claim", [{"original": {"iban": "CANARY"}}, {"by": {"iban": "CANARY"}}, {"via": "CANARY"}])
async def test_the_ledger_keeps_names_alone_of_a_claim(web: Web, caplog: pytest.LogCaptureFixture, claim: Any) -> None:
    """What else stands there could be what the approval redacts."""
    await web.parked("r1")
    assert (await web.by("ann:decider").post(f"{APPROVAL}/approve", claim)).status_code == 403
    assert len(await spoofs(web)) == 1
    assert "CANARY" not in f"{await web.orchestrator.ledger('r1')!r}{caplog.text}"


@pytest.mark.parametrize("name", ["\x00", "\ud800", "x" * 2_000, "", 7, None, ["bob"]])
async def test_an_odd_claim_is_refused_like_any_other(web: Web, name: Any) -> None:
    """In the place of a run's id, of a key or of the name: a 403, and nothing breaks."""
    await web.parked("r1")
    item = {"run_id": name, "key": name, "revision": 1, "digest": "v1:x", "by": name}
    body = json.dumps({"items": [item]}).encode()
    ann = web.by("ann:decider")
    many = await ann.send("POST", "/api/approvals/approve", body, content_type="application/json")
    one = await ann.send(
        "POST", f"{APPROVAL}/approve", json.dumps({"by": name}).encode(), content_type="application/json"
    )
    assert (many.status_code, one.status_code) == (403, 403)
    assert [entry.get("to", []) for entry in await spoofs(web)] == [[]]


async def test_a_claim_that_cannot_be_noted_now_is_to_be_said_again(web: Web, store: SharedStore) -> None:
    """Where the store is away it is a 503, which decides nothing; nothing goes unnoted in silence."""
    await web.parked("r1")
    store.failpoints.arm("decide.before", raising(StoreUnavailable("away")), hit=1)
    assert (await web.by("ann:decider").post(f"{APPROVAL}/approve", {"by": "bob"})).status_code == 503
    assert (await web.by("ann:decider").post(f"{APPROVAL}/approve", {"by": "bob"})).status_code == 403
    assert len(await spoofs(web)) == 1


async def test_an_application_of_ones_own_notes_it_by_a_verb(web: Web) -> None:
    """The same entry, for whoever takes requests in another way."""
    await web.parked("r1")
    noted = await web.orchestrator.spoofed("r1", members=["by"], named=["bob"], by=Actor("ann", via="bot"))
    assert noted.unwrap().replayed is False
    assert [(entry["by"], entry["to"], entry["via"]) for entry in await spoofs(web)] == [("ann", ["bob"], "bot")]
