from __future__ import annotations

import json

import pytest
from attrs import evolve

from awaitly import Changes, Move, Notice, NoticeKind, StoreUnavailable
from awaitly.approvals.notices import delivered, failed, spread
from awaitly.storage.records import row_of_notice
from awaitly.testing import TestClock, raising
from awaitly.testing.clock import START
from tests.adapters.web.support import Web, refund
from tests.support import SharedStore

APPROVAL = "/api/runs/r1/approvals/manager"


async def test_a_run_is_started_decided_and_read_over_http(web: Web) -> None:
    """A start parks with 202, a yes counts, and the worker's result is in the run's answer."""
    started = await web.by("rita:starter").post("/api/workflows/refund/start", {"arguments": {"amount": 7}})
    run_id = started.json()["run_id"]
    assert (started.status_code, started.json()["status"]) == (202, "parked")
    approved = await web.by("ann:decider").post(f"/api/runs/{run_id}/approvals/manager/approve", {"revision": 1})
    assert (approved.status_code, approved.json()["status"], approved.json()["decided"]) == (200, "approved", True)
    await web.orchestrator.recover()
    ended = (await web.by("rita:starter").get(f"/api/runs/{run_id}")).json()
    assert (ended["status"], ended["result"]) == ("completed", {"ok": 7})


async def test_a_run_that_ends_at_once_says_so(web: Web) -> None:
    """A start that ends is a 200, with the error of the workflow's own."""
    ended = await web.by("rita:starter").post("/api/workflows/refund/start", {"arguments": {"amount": 2_000}})
    assert (ended.status_code, ended.json()["status"]) == (200, "failed")
    assert ended.json()["result"] == {"error": {"$type": "TooMuch", "amount": 2_000}}


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"amount": "7"}, "$.arguments.amount"),
        ({"amount": 7, "much": 1}, "$.arguments.much"),
        ({}, "$.arguments.amount"),
        ({"amount": 7, "note": 7}, "$.arguments.note"),
        ([], "$.arguments"),
    ],
)
async def test_arguments_that_do_not_fit_are_named_by_their_path(web: Web, arguments: object, path: str) -> None:
    """What the workflow's own types do not take is a 422 that says where it stands, and starts nothing."""
    for verb in ("start", "enqueue"):
        refused = await web.by("rita:starter").post(f"/api/workflows/refund/{verb}", {"arguments": arguments})
        assert (refused.status_code, refused.json()["path"]) == (422, path)
    assert (await web.orchestrator.runs()).items == ()


async def test_what_is_enqueued_waits_for_a_worker(web: Web) -> None:
    """Queue, priority and time are kept; the same again is replayed, and another under the id refused."""
    body = {
        "arguments": {"amount": 1},
        "run_id": "q1",
        "queue": "slow",
        "priority": "low",
        "at": "2099-01-01T00:00:00Z",
    }
    rita = web.by("rita:starter")
    first, again = [await rita.post("/api/workflows/refund/enqueue", body) for _ in range(2)]
    other = await rita.post("/api/workflows/refund/enqueue", {**body, "arguments": {"amount": 2}})
    assert [first.json()["replayed"], again.json()["replayed"]] == [False, True]
    assert (other.status_code, other.json()["refusal"]["reason"]) == (409, "id_taken")
    run = (await rita.get("/api/runs/q1")).json()
    assert (run["queue"], run["priority"], run["due_at"]) == ("slow", "low", "2099-01-01T00:00:00+00:00")


@pytest.mark.parametrize("at", ["soon", "2099-01-01T00:00:00", "9999-12-31T23:59:59-23:59", ""])
async def test_a_time_needs_a_zone(web: Web, at: str) -> None:
    """What is no time, or lacks a zone, is a 422."""
    body = {"arguments": {"amount": 1}, "at": at}
    assert (await web.by("rita:starter").post("/api/workflows/refund/enqueue", body)).status_code == 422


async def test_an_id_may_have_slashes_and_more(web: Web) -> None:
    """A part of a path that is percent-encoded comes back as it was, slashes included."""
    await web.parked("team/ä b%2F?#1")
    path = "/api/runs/team%2F%C3%A4%20b%252F%3F%231/approvals/manager"
    shown = await web.by("ann:decider").get(path)
    assert (shown.status_code, shown.json()["run_id"]) == (200, "team/ä b%2F?#1")


async def test_no_name_could_be_that_leads_nowhere(web: Web) -> None:
    """NUL and other characters that stand in no id are a 404, whatever the store would say to them."""
    for part in ("%00", "a%0Ab", "%ff%fe%00", "x" * 1_001):
        assert (await web.by("root:admin").get(f"/api/runs/{part}")).status_code == 404


async def test_an_edit_decides_and_keeps_what_was_proposed(web: Web) -> None:
    """The edited value and the first one stand in the approval; what is redacted stays so."""
    await web.parked("r1")
    edited = await web.by("ann:decider").post(f"{APPROVAL}/edit", {"value": {"amount": 3, "iban": "[redacted]"}})
    assert (edited.status_code, edited.json()["status"]) == (200, "edited")
    shown = (await web.by("ann:decider").get(APPROVAL)).json()
    assert shown["arguments"] == {"amount": 3, "iban": "[redacted]"}
    assert shown["original"] == {"amount": 5, "iban": "[redacted]"}
    assert "1234" not in json.dumps(shown)


async def test_an_edit_that_does_not_fit_changes_nothing(web: Web) -> None:
    """It is a 422 with the library's refusal and its path."""
    await web.parked("r1")
    refused = await web.by("ann:decider").post(f"{APPROVAL}/edit", {"value": 3})
    assert (refused.status_code, refused.json()["refusal"]["type"]) == (422, "InvalidEdit")
    assert (await web.by("ann:decider").get(APPROVAL)).json()["status"] == "pending"


async def test_a_second_decision_names_the_first(web: Web) -> None:
    """The loser gets a 409 with the winner; the winner's own repetition is replayed."""
    await web.parked("r1")
    ann, bob = web.by("ann:decider"), web.by("bob:decider")
    assert (await ann.post(f"{APPROVAL}/reject", {"reason": "no"})).json()["replayed"] is False
    assert (await ann.post(f"{APPROVAL}/reject", {"reason": "no"})).json()["replayed"] is True
    late = (await bob.post(f"{APPROVAL}/approve")).json()
    assert (late["status"], late["refusal"]["by"], late["refusal"]["status"]) == (409, "ann", "rejected")


async def test_a_decision_on_what_was_not_shown_is_stale(web: Web) -> None:
    """Revision and digest say what was seen."""
    await web.parked("r1")
    ann = web.by("ann:decider")
    for shown in ({"revision": 2}, {"digest": "v1:other"}):
        assert (await ann.post(f"{APPROVAL}/approve", shown)).json()["refusal"]["type"] == "StaleRevision"


async def test_whoever_asked_may_not_approve(web: Web) -> None:
    """The refusal is the library's own, in its own words."""
    await web.parked("r1", by="ann")
    refused = await web.by("ann:decider").post(f"{APPROVAL}/approve")
    assert refused.status_code == 403
    assert refused.json()["detail"] == "ann requested run r1 and may not decide on its 'manager'; ask somebody else"


async def test_people_attend_to_what_waits(web: Web) -> None:
    """Claim, release, delegate, comment, inquire, answer, seen and reassign are noted, each by who did it."""
    await web.parked("r1")
    ann, rita = web.by("ann:decider"), web.by("rita:starter")
    assert (await ann.post(f"{APPROVAL}/seen")).status_code == 200
    assert (await ann.post(f"{APPROVAL}/claim")).status_code == 200
    assert (await ann.get(APPROVAL)).json()["claimed_by"] == "ann"
    assert (await ann.post(f"{APPROVAL}/release")).status_code == 200
    assert (await ann.post(f"{APPROVAL}/comment", {"text": "hm"})).status_code == 200
    assert (await ann.post(f"{APPROVAL}/inquire", {"text": "why?"})).status_code == 200
    assert (await rita.post(f"{APPROVAL}/answer", {"text": "because"})).status_code == 200
    assert (await ann.post(f"{APPROVAL}/delegate", {"to": "zoe"})).status_code == 200
    assert (await web.by("zoe:decider").get("/api/inbox")).json()["items"][0]["run_id"] == "r1"
    reassigned = await web.by("root:admin").post(f"{APPROVAL}/reassign", {"to": ["role:board"]})
    assert reassigned.status_code == 200
    shown = (await web.by("root:admin").get(APPROVAL)).json()
    assert [(each["kind"], each["by"], each["text"]) for each in shown["remarks"]] == [
        ("comment", "ann", "hm"),
        ("question", "ann", "why?"),
        ("answer", "rita", "because"),
    ]


async def test_to_reassign_to_nobody_is_refused(web: Web) -> None:
    """What names nobody is a 422."""
    await web.parked("r1")
    for to in ([], ["role:"], ["\ud800"]):
        body = json.dumps({"to": to}).encode()
        refused = await web.by("root:admin").send("POST", f"{APPROVAL}/reassign", body, content_type="application/json")
        assert refused.status_code == 422


async def test_many_are_decided_at_once_each_with_its_result(web: Web) -> None:
    """Each result stands at its place; one that is stale or hidden is a problem, and the others are decided."""
    for number in range(3):
        await web.parked(f"r{number}")
    shown = await web.shown("r0")
    items = [{"run_id": f"r{number}", "key": "manager", **shown} for number in range(3)]
    items[1]["revision"] = 9
    items.append({"run_id": "none", "key": "manager", **shown})
    done = (await web.by("ann:decider").post("/api/approvals/approve", {"items": items})).json()["results"]
    assert [each["problem"] and each["problem"]["refusal"]["type"] for each in done] == [
        None,
        "StaleRevision",
        None,
        "UnknownApproval",
    ]
    rejected = await web.by("ann:decider").post(
        "/api/approvals/reject", {"items": [{**items[1], **shown}], "reason": "no"}
    )
    assert rejected.json()["results"][0]["decision"]["status"] == "rejected"


async def test_somebody_away_is_stood_in_for(web: Web) -> None:
    """Absences are one's own to say and to end, and are listed to both."""
    await web.parked("r1")
    ann, zoe = web.by("ann:decider"), web.by("zoe:decider")
    assert (await ann.post("/api/absences", {"to": "zoe", "until": "3d"})).status_code == 200
    assert [each["to"] for each in (await zoe.get("/api/absences")).json()["items"]] == ["zoe"]
    assert (await zoe.post(f"{APPROVAL}/approve")).status_code == 200
    assert (await web.by("bob:decider").get("/api/absences")).json()["items"] == []
    assert len((await ann.send("DELETE", "/api/absences")).json()["items"]) == 1
    assert (await zoe.get("/api/absences")).json()["items"] == []


@pytest.mark.parametrize(
    "until", ["never", "1 fortnight", "99999999999d", "2099-01-01T00:00:00", "2001-01-01T00:00:00Z"]
)
async def test_an_absence_ends_at_a_time_to_come(web: Web, until: str) -> None:
    """What is no time, or is past, is refused."""
    refused = await web.by("ann:decider").post("/api/absences", {"to": "zoe", "until": until})
    assert refused.status_code in (409, 422)


async def test_runs_are_told_of_signals_and_promises(web: Web) -> None:
    """A promise's id stands in the run; a payload of another type is refused, the same again replayed."""
    rita = web.by("rita:starter")
    run_id = (await rita.post("/api/workflows/told/start")).json()["run_id"]
    waits = (await rita.get(f"/api/runs/{run_id}")).json()["awaiting"]
    path = f"/api/promises/{waits[0]['promise_id']}"
    assert (await rita.post(f"{path}/resolve", {"value": "x"})).json()["refusal"]["type"] == "InvalidPayload"
    assert (await rita.post(f"{path}/resolve", {"value": 7})).json()["replayed"] is False
    assert (await rita.post(f"{path}/resolve", {"value": 7})).json()["replayed"] is True
    assert (await rita.post(f"{path}/reject", {"reason": "no"})).json()["refusal"]["type"] == "AlreadySent"
    assert (await rita.post(f"/api/runs/{run_id}/signals/paid", {"value": "in full"})).status_code == 200
    assert (await rita.post("/api/promises/none/resolve", {"value": 7})).status_code == 404
    await web.orchestrator.recover()
    assert (await rita.get(f"/api/runs/{run_id}")).json()["result"] == {"ok": "7 in full"}


async def test_the_ledger_is_read_and_verified(web: Web) -> None:
    """Entries stand in order, by whom and by which way; a head that was given before still fits, another does not."""
    await web.parked("r1")
    await web.by("ann:decider").post(f"{APPROVAL}/approve")
    root = web.by("root:admin")
    entries = (await root.get("/api/runs/r1/ledger")).json()["items"]
    assert [each["event"] for each in entries] == ["asked", "approved"]
    assert (entries[-1]["by"], entries[-1]["via"]) == ("ann", "test")
    head = (await root.get("/api/runs/r1/ledger/verify")).json()["head"]
    assert (await root.get("/api/runs/r1/ledger/verify", head=head)).status_code == 200
    broken = await root.get("/api/runs/r1/ledger/verify", head=f"2:{'0' * 64}")
    assert (broken.status_code, broken.json()["refusal"]["type"]) == (409, "BrokenChain")
    assert (await root.get("/api/runs/r1/ledger/verify", head="no")).status_code == 422


async def test_a_chain_shows_how_far_it_has_come(web: Web) -> None:
    """Its stages stand in order, with for whom the open one waits; an unknown chain is a 404."""
    run_id = (await web.by("rita:starter").post("/api/workflows/chained/start", {"arguments": {"amount": 1}})).json()[
        "run_id"
    ]
    shown = (await web.by("ann:decider").get(f"/api/runs/{run_id}/progress/money")).json()
    assert [(each["name"], each["state"]) for each in shown["stages"]] == [("lead", "waiting"), ("chief", "remaining")]
    assert (await web.by("ann:decider").get(f"/api/runs/{run_id}/progress/other")).status_code == 404


async def test_a_run_is_cancelled_by_its_requester(web: Web) -> None:
    """The run ends; whoever has nothing to do with it does not learn that it is there."""
    await web.parked("r1")
    assert (await web.by("ann:decider").post("/api/runs/r1/cancel")).status_code == 404
    done = await web.by("rita:starter").post("/api/runs/r1/cancel", {"reason": "mistake"})
    assert (done.status_code, done.json()["reason"]) == (200, "mistake")


async def test_a_run_that_nobody_requested_is_ended_by_those_who_administer(web: Web) -> None:
    """A viewer sees it and may not end it."""
    await web.orchestrator.start(refund(5), run_id="r1")
    assert (await web.by("vic:viewer").post("/api/runs/r1/cancel")).status_code == 403
    assert (await web.by("root:admin").post("/api/runs/r1/cancel")).status_code == 200


async def test_a_failed_run_is_put_back_into_its_queue(web: Web) -> None:
    """A retry is for those who administer."""
    run_id = (
        await web.by("rita:starter").post("/api/workflows/refund/start", {"arguments": {"amount": 2_000}})
    ).json()["run_id"]
    assert (await web.by("rita:starter").post(f"/api/runs/{run_id}/retry")).status_code == 403
    assert (await web.by("root:admin").post(f"/api/runs/{run_id}/retry")).status_code == 202
    assert (await web.by("root:admin").get(f"/api/runs/{run_id}")).json()["status"] == "queued"


async def test_listings_come_in_pages(web: Web, clock: TestClock) -> None:
    """`after` of one page gives the next; each listing ends."""
    for number in range(5):
        clock.advance("1s")
        await web.parked(f"r{number}")
    for caller, path in (("vic:viewer", "/api/runs"), ("vic:viewer", "/api/pending"), ("ann:decider", "/api/inbox")):
        seen: list[str] = []
        after: str | None = None
        while True:
            page = (await web.by(caller).get(path, limit=2, **({} if after is None else {"after": after}))).json()
            seen += [each["run_id"] for each in page["items"]]
            after = page["after"]
            if after is None:
                break
        assert sorted(seen) == [f"r{number}" for number in range(5)], path


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "٣"},
        {"after": "x"},
        {"prefix": "\x00"},
        {"due_within": "99999999999d"},
        {"strange": "1"},
    ],
)
async def test_a_bad_parameter_is_refused(web: Web, query: dict[str, str]) -> None:
    """Each is a 422 that says what would do."""
    for path in ("/api/inbox", "/api/pending"):
        refused = await web.by("root:admin").get(path, **query)
        assert (refused.status_code, refused.json()["title"]) == (422, "Bad parameter")


async def test_those_who_sign_themselves_out_of_a_route_are_told_which_way(web: Web) -> None:
    """A wrong method is a 405 with `Allow`, and OPTIONS says the same without being an error."""
    wrong = await web.by("root:admin").send("PUT", "/api/runs")
    asked = await web.by("").send("OPTIONS", "/api/runs")
    assert (wrong.status_code, asked.status_code) == (405, 204)
    assert wrong.headers["allow"] == asked.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_me_says_who_asks(web: Web) -> None:
    """Name, roles and what they may do here."""
    told = (await web.by("vic:viewer").get("/api/me")).json()
    assert (told["name"], told["roles"], told["permits"]) == ("vic", ["viewer"], ["decide", "view"])
    assert (await web.by("").get("/api/me")).status_code == 401


async def test_what_can_be_started_is_listed_with_its_schema(web: Web) -> None:
    """Defaults may be left out, and the schema says so."""
    items = (await web.by("rita:starter").get("/api/workflows")).json()["items"]
    assert [each["name"] for each in items] == ["chained", "refund", "told"]
    assert items[1]["arguments"]["required"] == ["amount"]


async def test_notices_and_dead_letters_are_for_those_who_administer(web: Web) -> None:
    """Without channels there are none; a notice that is not there is a 404."""
    await web.parked("r1")
    root = web.by("root:admin")
    assert (await root.get("/api/runs/r1/notices")).json()["items"] == []
    assert (await root.get("/api/dead-letters")).json() == {"items": [], "after": None}
    gone = await root.post("/api/runs/r1/notices/x/resend")
    assert (gone.status_code, gone.json()["refusal"]["type"]) == (404, "UnknownNotice")


async def test_a_dead_letter_names_its_place(web: Web, store: SharedStore) -> None:
    """And is sent again there, by its own key, beside what came to another."""
    await web.parked("r1")
    sent, dead = spread(Notice("r1", 1, "slack", NoticeKind.NEEDED, START, "manager"), ["C1", "C2"])
    told = (delivered(sent, "C1:1", START), failed(dead, "gone", START, final=True))
    rows = tuple(row_of_notice(evolve(each, version=1)) for each in told)
    (await store.commit(Changes(move=Move.SENT, notices=rows))).unwrap()
    root = web.by("root:admin")
    assert [each["place"] for each in (await root.get("/api/runs/r1/notices")).json()["items"]] == ["C1", "C2"]
    (letter,) = (await root.get("/api/dead-letters")).json()["items"]
    assert (letter["place"], letter["key"], letter["error"]) == ("C2", "000000001.1 slack", "gone")
    again = (await root.post(f"/api/runs/r1/notices/{letter['key']}/resend")).json()
    assert (again["place"], again["dead"], again["id"]) == ("C2", False, letter["id"])


async def test_a_store_that_is_away_is_a_503(web: Web, store: SharedStore) -> None:
    """It says so, and nothing of where the store stands."""
    await web.parked("r1")
    store.failpoints.arm("decide.before", raising(StoreUnavailable("tcp://10.0.0.1 refused")))
    away = await web.by("ann:decider").post(f"{APPROVAL}/approve")
    assert (away.status_code, away.json()["title"]) == (503, "Store away")
    assert "10.0.0.1" not in away.text
