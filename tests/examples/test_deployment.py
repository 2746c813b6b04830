from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import awaitly
from awaitly import (
    Actor,
    ApprovalStatus,
    MemoryStore,
    NotAuthorised,
    Ok,
    Orchestrator,
    ReauthenticationNeeded,
    RunStatus,
    SelfApproval,
)
from awaitly.testing import CRASH, Crash, Simulation
from tests.docs.pages import Reader

FOLDER = Path(awaitly.__file__).parents[1] / "examples" / "deployment"
ANN, BOB, CAT = (Actor(name, ["release"]) for name in ("ann", "bob", "cat"))
RITA = Actor("rita", ["release"])
OLD, CANARY, NEW = ["1.41.3"] * 4, ["1.42.0", *["1.41.3"] * 3], ["1.42.0"] * 4


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Any]:
    """Give the example, with a fleet of the test's own."""
    spec = importlib.util.spec_from_file_location("tested_deployment", FOLDER / "deployment.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.fleet.path = tmp_path / "fleet.db"
    yield module
    del sys.modules[module.__name__]


def shop(example: Any, *, risk: str = "normal", version: str = "1.42.0") -> Any:
    """Make a change of the shop."""
    return example.Change("shop", version, 180, risk, "rita", "Gift cards")


def runs_on(example: Any, service: str = "shop") -> list[str]:
    """Say which versions the hosts of a service have, in order."""
    return [version for host, version in example.fleet.versions() if host.startswith(service)]


async def asked(sim: Simulation, example: Any, **changed: str) -> None:
    """Begin a deployment of the shop as run `r`, and let its canary serve."""
    await sim.start(example.deploy(shop(example, **changed)), run_id="r", requested_by="rita")
    await sim.skip(example.BAKE)


def simulation(example: Any, **scripted: Any) -> Simulation:
    """Give a simulation whose steps run for real, unless they are scripted."""
    return Simulation(workflows=[example.deploy], **scripted)


def test_the_page_shows_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command after command, in processes of their own, in a copy of the folder."""
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    Reader().read(tmp_path / "README.md")


async def test_two_different_people_decide_and_all_hosts_follow(example: Any) -> None:
    """Neither the same person twice, nor whoever requested it, whatever their roles, nor another role."""
    async with simulation(example) as sim:
        await asked(sim, example)
        assert isinstance((await sim.approve("r", by=RITA)).failure(), SelfApproval)
        assert isinstance((await sim.approve("r", by="sam")).failure(), NotAuthorised)
        for _ in range(2):
            assert (await sim.approve("r", by=ANN)).unwrap().status is ApprovalStatus.PENDING
        assert runs_on(example) == CANARY
        assert (await sim.approve("r", by=BOB)).unwrap().status is ApprovalStatus.APPROVED
        assert (await sim.execution("r", example.deploy)).result == Ok(example.Live("shop", "1.42.0", 4))
    assert runs_on(example) == NEW


async def test_one_no_takes_the_canary_back(example: Any) -> None:
    """Also after a yes; the reason stands in the result."""
    async with simulation(example) as sim:
        await asked(sim, example)
        await sim.approve("r", by=ANN)
        await sim.reject("r", reason="not on a Friday", by=BOB)
        failed = (await sim.execution("r", example.deploy)).result.failure()
    assert failed == example.RolledBack("shop", "1.41.3", "bob said no: not on a Friday")
    assert runs_on(example) == OLD


async def test_silence_takes_the_canary_back(example: Any) -> None:
    """After four hours, and no sooner."""
    async with simulation(example) as sim:
        await asked(sim, example)
        await sim.skip("3h59m")
        assert runs_on(example) == CANARY
        await sim.skip("1m")
        failed = (await sim.execution("r", example.deploy)).result.failure()
    assert failed == example.RolledBack("shop", "1.41.3", "nobody decided in time")
    assert runs_on(example) == OLD


async def test_nobody_edits_a_plan(example: Any) -> None:
    """Another version had no canary."""
    async with simulation(example) as sim:
        await asked(sim, example)
        plan = json.loads((await sim.status("r")).unwrap().approvals[0].content)
        assert isinstance((await sim.edit("r", None, {**plan, "version": "2"}, by=ANN)).failure(), NotAuthorised)


async def test_high_risk_asks_for_a_fresh_sign_in(example: Any) -> None:
    """Of those who say yes as of those who say no; fifteen minutes is fresh, a second more is not."""
    async with simulation(example) as sim:
        await asked(sim, example, risk="high")

        def signed_in(name: str, ago: timedelta) -> Actor:
            return Actor(name, ["release"], authenticated_at=sim.clock() - ago)

        for stale in (ANN, signed_in("ann", timedelta(minutes=15, seconds=1))):
            assert isinstance((await sim.approve("r", by=stale)).failure(), ReauthenticationNeeded)
            assert isinstance((await sim.reject("r", by=stale)).failure(), ReauthenticationNeeded)
        (await sim.approve("r", by=signed_in("ann", timedelta(minutes=15)))).unwrap()
        (await sim.approve("r", by=signed_in("bob", timedelta(0)))).unwrap()
    assert runs_on(example) == NEW


@pytest.mark.parametrize(
    ("service", "version", "why"),
    [
        ("search", "0.9.1", "the canary failed 617 of 20418 requests"),
        ("shop", "9.9.9", "nothing is known of the canary"),
    ],
)
async def test_a_canary_that_does_badly_goes_back_and_nobody_is_asked(
    example: Any, service: str, version: str, why: str
) -> None:
    """What is not known is bad, too."""
    before = runs_on(example, service)
    async with simulation(example) as sim:
        await sim.start(example.deploy(example.Change(service, version, 1, "normal", "sam", "")), run_id="r")
        await sim.skip(example.BAKE)
        failed = (await sim.execution("r", example.deploy)).result.failure()
        assert await sim.pending() == ()
    assert failed == example.RolledBack(service, before[0], why)
    assert runs_on(example, service) == before


async def test_a_rollout_that_stops_half_way_goes_back(example: Any) -> None:
    """The third host has no room; the first two are taken back."""
    async with simulation(example) as sim:
        change = example.Change("catalog", "2.1.0", 310, "normal", "sam", "Pictures")
        await sim.start(example.deploy(change), run_id="r", requested_by="sam")
        await sim.skip(example.BAKE)
        for person in (ANN, BOB):
            await sim.approve("r", by=person)
        failed = (await sim.execution("r", example.deploy)).result.failure()
    assert failed == example.RolledBack("catalog", "2.0.7", "catalog-3 has 90 MB, and 2.1.0 takes 310 MB")
    assert runs_on(example, "catalog") == ["2.0.7"] * 3


async def test_one_deployment_has_a_service_at_a_time(example: Any) -> None:
    """The second is refused, and touches nothing; an unknown service, and the version that runs, are refused too."""
    async with simulation(example) as sim:
        await asked(sim, example)
        for change, why in (
            (shop(example, version="1.43.0"), "shop is busy with r"),
            (example.Change("blog", "1", 1, "normal", "sam", ""), "there is no service 'blog'"),
            (example.Change("payments", "2.9.0", 1, "normal", "sam", ""), "payments runs 2.9.0 already"),
        ):
            assert (await sim.start(example.deploy(change))).result.failure() == example.Refused(why)
    assert runs_on(example) == CANARY


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["begin", "roll_out", "roll_back"])
async def test_a_process_that_dies_in_a_step_leaves_nothing_half_done(example: Any, step: str, after: bool) -> None:
    """Whether it was done or not: the next process makes it so, and it counts once."""
    real = getattr(example.fleet, step)

    def die(*arguments: Any) -> Crash:
        if after:
            real(*arguments)
        return CRASH

    async with simulation(example, steps={real: [die, real]}) as sim:
        await asked(sim, example)
        await sim.skip("1m")
        await sim.approve("r", by=ANN)
        await (sim.reject("r", by=BOB) if step == "roll_back" else sim.approve("r", by=BOB))
        await sim.skip("1m")
        assert (await sim.status("r")).unwrap().run.status.ended
        assert len(sim.calls(real)) == 2
    assert runs_on(example) == (OLD if step == "roll_back" else NEW)


def test_a_step_made_again_undoes_no_later_deployment(example: Any) -> None:
    """A rollout, and a rollback, of a deployment that is over change nothing any more."""
    fleet = example.fleet
    for number, end in (("1.42.0", fleet.roll_out), ("1.43.0", fleet.roll_back), ("1.44.0", fleet.roll_out)):
        fleet.begin(shop(example, version=number), number).unwrap()
        end(number).unwrap()
    for number in ("1.42.0", "1.43.0"):
        fleet.begin(shop(example, version=number), number).unwrap()
        fleet.roll_out(number).unwrap()
        fleet.roll_back(number).unwrap()
        assert runs_on(example) == ["1.44.0"] * 4


async def test_a_cancelled_deployment_is_taken_back_when_the_program_runs(example: Any) -> None:
    """Also one that never began."""
    async with example.orchestrator(MemoryStore()) as deployments:
        change = shop(example)
        await example.hand_in(deployments, change)
        assert runs_on(example) == CANARY
        (await deployments.cancel("deploy-shop-1.42.0", reason="a typing error", by="rita")).unwrap()
        said = await example.hand_in(deployments, change)
        assert said == ("not deployed. run deploy-shop-1.42.0 was cancelled by rita: a typing error; back at 1.41.3")
        assert runs_on(example) == OLD
        (await deployments.enqueue(example.deploy(shop(example, version="2")), run_id="deploy-shop-2")).unwrap()
        (await deployments.cancel("deploy-shop-2", by="rita")).unwrap()
        said = await example.hand_in(deployments, shop(example, version="2"))
        assert said == "not deployed. run deploy-shop-2 was cancelled by rita"


async def test_the_doctor_finds_nothing_in_unchanged_code(example: Any) -> None:
    """Of what waits, and of what was decided."""
    async with example.orchestrator(MemoryStore()) as deployments:
        for change in example.changes(FOLDER / "changes.toml").unwrap():
            await example.hand_in(deployments, change)
        asking = [each async for each in deployments.doctor()]
    assert len(asking) == 3
    assert {each.verdict for each in asking} == {awaitly.Verdict.FITS}


def program(*words: str, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program as people do, in an empty folder."""
    command = [sys.executable, str(FOLDER / "deployment.py"), *words]
    return subprocess.run(command, cwd=cwd, input=given, capture_output=True, text=True, check=False)


def test_a_malformed_file_deploys_nothing(tmp_path: Path) -> None:
    """One sentence, which names the file; no store and no fleet is begun."""
    (tmp_path / "mine.toml").write_text("[[change]]\nservice = 'shop'", "utf-8")
    done = program("--changes", "mine.toml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("mine.toml: ")
    assert len(done.stderr.splitlines()) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize("text", [b"", b"not toml", b"change = 3", b"[[change]]\nx = 1", b"change = [3]", b"\xff"])
def test_whatever_is_malformed_is_refused(example: Any, tmp_path: Path, text: bytes) -> None:
    """Also where it is no TOML, no text, or has other members; and a file that is not there."""
    (tmp_path / "mine.toml").write_bytes(text)
    for name in ("mine.toml", "none.toml"):
        assert isinstance(example.changes(tmp_path / name).failure(), example.Refused)


def test_a_risk_that_nobody_knows_is_not_taken_for_a_normal_one(example: Any, tmp_path: Path) -> None:
    """The whole file is refused."""
    text = (FOLDER / "changes.toml").read_text("utf-8").replace('risk = "high"', 'risk = "hihg"')
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    assert "risk" in str(example.changes(tmp_path / "mine.toml").failure())


def test_who_does_not_sign_in_decides_nothing(tmp_path: Path) -> None:
    """The program says so, and opens no store."""
    done = program("approve", "deploy-shop-1.42.0", "--as", "ann", cwd=tmp_path, given="battery staple\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ann did not sign in: no such name, or another password\n"
    assert not list(tmp_path.iterdir())


def test_who_signs_in_has_the_roles_that_are_written_down(example: Any) -> None:
    """Not with another password, none at all, or an unknown name."""
    ann = example.sign_in("ann", "correct horse")
    assert (ann, ann.authenticated_at is not None) == (ANN, True)
    for name, password in (("ann", "battery staple"), ("ann", ""), ("eve", ""), ("", "")):
        assert example.sign_in(name, password) is None


def test_many_begin_and_one_has_the_service(example: Any) -> None:
    """All at one moment, each over a connection of its own, and none of them finds a fleet."""
    barrier = Barrier(8)

    def begin(number: int) -> bool:
        change = shop(example, version=f"2.{number}")
        barrier.wait()
        return isinstance(example.fleet.begin(change, change.version), Ok)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(begin, range(8))).count(True) == 1


async def test_a_worker_keeps_the_deadline_for_a_run_of_another_process(example: Any) -> None:
    """The one that began it is gone."""
    async with simulation(example) as sim:
        await asked(sim, example)
        await sim.crash_and_restart()
        await sim.skip("4h")
        assert (await sim.status("r")).unwrap().run.status is RunStatus.FAILED
    assert runs_on(example) == OLD


def test_the_orchestrator_is_what_a_worker_is_given(example: Any) -> None:
    """`awaitly worker deployment:orchestrator` calls it."""
    assert isinstance(example.orchestrator(MemoryStore()), Orchestrator)
