from __future__ import annotations

import pytest

from awaitly import Actor, NotApproved, Ok, Orchestrator, Policy, Result, Rule, Run, workflow
from tests.adapters.web.support import PERMITS, WORKFLOWS, Web, open_web, refund
from tests.support import SharedStore

APPROVAL = "/api/runs/r1/approvals/manager"


@workflow
async def ruled(run: Run[NotApproved]) -> Result[int, NotApproved]:
    """Ask whom a rule lets decide."""
    return Ok(await run.approval("manager", proposes=1, policy=Policy(approvers=["rule:on-call"])))


READS = ["/api/runs/r1", "/api/runs/r1/history", "/api/runs/r1/progress/money", APPROVAL]
WRITES = {
    "approve": {},
    "reject": {},
    "edit": {"value": 1},
    "claim": {},
    "release": {},
    "seen": {},
    "delegate": {"to": "zoe"},
    "comment": {"text": "x"},
    "inquire": {"text": "x"},
    "answer": {"text": "x"},
}


@pytest.mark.parametrize("path", READS)
async def test_what_is_nobody_elses_business_is_as_if_it_were_not_there(web: Web, path: str) -> None:
    """To somebody without `VIEW` a run of others is word for word what a run is that does not exist."""
    await web.parked("r1")
    eve = web.by("eve:decider,starter")
    hidden, missing = await eve.get(path), await eve.get(path.replace("r1", "r2"))
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text == missing.text.replace("r2", "r1")


@pytest.mark.parametrize("verb", WRITES)
async def test_nobody_learns_by_trying(web: Web, store: SharedStore, verb: str) -> None:
    """A verb on what one may not see is a 404 like any, writes nothing, and names no keys."""
    await web.parked("r1")
    store.reset()
    eve = web.by("eve:decider,starter")
    hidden = await eve.post(f"{APPROVAL}/{verb}", WRITES[verb])
    missing = await eve.post(f"{APPROVAL.replace('r1', 'r2')}/{verb}", WRITES[verb])
    assert (hidden.status_code, store.written) == (404, 0)
    assert hidden.text == missing.text.replace("r2", "r1")


async def test_an_id_that_somebody_else_has_taken_is_taken(web: Web) -> None:
    """The same start as another's gives neither their run nor its outcome."""
    await web.parked("r1", amount=5)
    for verb in ("start", "enqueue"):
        taken = await web.by("eve:starter").post(
            f"/api/workflows/refund/{verb}", {"arguments": {"amount": 5}, "run_id": "r1"}
        )
        assert (taken.status_code, taken.json()["refusal"]["reason"]) == (409, "id_taken")
        assert "refund" not in taken.text


@pytest.mark.parametrize("told", ["ann:decider", "mona:decider,manager", "rita:starter"])
async def test_it_concerns_those_who_may_decide_and_who_asked(web: Web, told: str) -> None:
    """By name, by role, or because they asked; also once it is decided by another."""
    await web.parked("r1")
    assert (await web.by(told).get(APPROVAL)).status_code == 200
    await web.orchestrator.approve("r1", "manager", by="bob")
    assert (await web.by(told).get(APPROVAL)).json()["status"] == "approved"


async def test_the_run_itself_is_for_who_asked_and_who_views(web: Web) -> None:
    """Whoever decides sees what is asked, not what the run is besides."""
    await web.parked("r1")
    seen = {
        told: (await web.by(told).get("/api/runs/r1")).status_code
        for told in ("ann:decider", "rita:starter", "v:viewer")
    }
    assert seen == {"ann:decider": 404, "rita:starter": 200, "v:viewer": 200}


async def test_it_concerns_those_who_had_a_part_in_it(web: Web) -> None:
    """A delegate and somebody to whom it was reassigned see it, and so does whoever voted before."""
    await web.parked("r1")
    await web.orchestrator.delegate("r1", "manager", to="zoe", by="ann")
    assert (await web.by("zoe:decider").get(APPROVAL)).status_code == 200
    await web.orchestrator.approve("r1", "manager", by="zoe")
    assert (await web.by("zoe:decider").get(APPROVAL)).json()["status"] == "approved"


async def test_rules_of_the_application_count(store: SharedStore) -> None:
    """Whom a rule lets decide may see; the rule is asked about each."""
    rule = Rule("on-call", lambda actor, _: actor.name == "olga")
    async with Orchestrator(store, workflows=[ruled], rules=[rule]) as orchestrator, open_web(orchestrator) as web:
        await orchestrator.start(ruled(), run_id="r1")
        assert (await web.by("olga:decider").get(APPROVAL)).status_code == 200
        assert (await web.by("eve:decider").get(APPROVAL)).status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/runs", "/api/pending", "/api/schedules", "/api/dead-letters", "/api/runs/r1/ledger"]
)
async def test_listings_of_everything_are_for_those_who_may(web: Web, path: str) -> None:
    """Without the permission it is a 403 whatever there is; without a name a 401."""
    assert (await web.by("eve:decider,starter").get(path)).status_code == 403
    assert (await web.by("").get(path)).status_code == 401


async def test_rows_that_are_no_runs_are_not_shown_as_runs(web: Web) -> None:
    """Absences and schedules stand among the runs' rows, and are no runs."""
    (await web.orchestrator.away("ann", to="zoe", until="1d")).unwrap()
    await web.orchestrator.schedule("nightly", "0 9 * * *", refund(1))
    root = web.by("root:admin")
    assert (await root.get("/api/runs")).json()["items"] == []
    for run_id in ("schedule:nightly", "absence:zoe:ann"):
        assert (await root.get(f"/api/runs/{run_id}")).status_code == 404
    assert [each["name"] for each in (await root.get("/api/schedules")).json()["items"]] == ["nightly"]


def test_permissions_come_by_roles() -> None:
    """An actor may do what any of their roles may, and without a role nothing."""
    assert PERMITS(Actor("eve")) == frozenset()
    assert len(WORKFLOWS) == 3
