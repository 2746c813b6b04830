from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import awaitly
from awaitly import Actor, ApprovalExpired, ApprovalRejected, Err, MemoryStore, NotAuthorised, Ok
from awaitly.testing import CRASH, Crash, Escalated, Reminded, Simulation, TestClock
from tests.docs.pages import Reader

FOLDER = Path(awaitly.__file__).parents[1] / "examples" / "signing"
BOARD = Actor("zoe", ["board"])


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Any]:
    """Give the example, with a copy of its documents and an archive of the test's own."""
    shutil.copytree(FOLDER, tmp_path / "copy")
    spec = importlib.util.spec_from_file_location("tested_signing", tmp_path / "copy" / "signing.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.archive.folder = tmp_path / "signed"
    yield module
    del sys.modules[module.__name__]


def lease(example: Any) -> Any:
    """Give the contract that hana, elif and noah sign, in this order."""
    return example.contracts(FOLDER / "contracts.toml").unwrap()[0]


async def sent(sim: Simulation, example: Any) -> None:
    """Send the lease round, as run `r`."""
    await sim.start(example.sign(lease(example)), run_id="r", requested_by="paula")


def happened(sim: Simulation, what: type[object]) -> list[Any]:
    """Give when such things happened in the run, and what they were."""
    return [(at.since, at.what) for at in sim.timeline("r") if isinstance(at.what, what)]


def test_the_page_shows_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Command after command, in processes of their own, in a copy of the folder."""
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    Reader().read(tmp_path / "README.md")


async def test_all_sign_in_order_over_weeks(example: Any) -> None:
    """Six days each; what is filed is the text as it was sent round, whatever became of the file since."""
    text = (example.HERE / "contracts" / "lease-114.txt").read_text("utf-8")
    async with Simulation(workflows=[example.sign]) as sim:
        await sent(sim, example)
        (example.HERE / "contracts" / "lease-114.txt").write_text("another text", "utf-8")
        assert isinstance((await sim.approve("r", by="elif")).failure(), NotAuthorised)
        for name in ("hana", "elif", "noah"):
            await sim.skip("6d")
            (await sim.approve("r", by=name)).unwrap()
        assert isinstance((await sim.execution("r", example.sign)).result, Ok)
    assert (example.archive.folder / "lease-114.txt").read_text("utf-8") == text


async def test_a_signer_who_sleeps_is_reminded_and_the_deputy_may_sign(example: Any) -> None:
    """Every three days; the deputy after a week and no sooner, the board after three."""
    async with Simulation(workflows=[example.sign]) as sim:
        await sent(sim, example)
        await sim.skip("6d23h")
        assert len(happened(sim, Reminded)) == 2
        assert isinstance((await sim.approve("r", by="henrik")).failure(), NotAuthorised)
        await sim.skip("1h")
        assert len(happened(sim, Escalated)) == 1
        (await sim.approve("r", by="henrik")).unwrap()
        await sim.skip("20d23h")
        assert isinstance((await sim.approve("r", by=BOARD)).failure(), NotAuthorised)
        await sim.skip("1h")
        (await sim.approve("r", by=BOARD)).unwrap()
        (await sim.approve("r", by="noah")).unwrap()
        assert isinstance((await sim.execution("r", example.sign)).result, Ok)


async def test_after_four_weeks_it_expires(example: Any) -> None:
    """Nobody can sign any more, and nothing is filed."""
    async with Simulation(workflows=[example.sign]) as sim:
        await sent(sim, example)
        (await sim.approve("r", by="hana")).unwrap()
        await sim.skip("27d23h")
        assert len(await sim.pending()) == 1
        await sim.skip("1h")
        assert isinstance((await sim.execution("r", example.sign)).result.failure(), ApprovalExpired)
    assert not example.archive.folder.exists()


async def test_one_no_ends_it(example: Any) -> None:
    """With its reason; nobody after is asked, and nothing is filed."""
    async with Simulation(workflows=[example.sign]) as sim:
        await sent(sim, example)
        (await sim.reject("r", reason="three years are too long", by="hana")).unwrap()
        failed = (await sim.execution("r", example.sign)).result.failure()
        assert failed == ApprovalRejected("r", "sign.hana", "hana", "three years are too long")
    assert not example.archive.folder.exists()


async def test_a_signer_hands_on_or_is_away(example: Any) -> None:
    """This once, or for as long as the holiday and no longer; never to whoever drew it up."""
    clock = TestClock()
    async with example.orchestrator(MemoryStore(clock=clock)) as signing:
        await signing.start(example.sign(lease(example)), run_id="r", requested_by="paula")
        assert isinstance(await signing.delegate("r", to="paula", by="hana"), Err)
        (await signing.delegate("r", to="emil", by="hana")).unwrap()
        (await signing.approve("r", by="emil")).unwrap()
        await signing.recover()
        (await signing.away("elif", to="max", until="6d")).unwrap()
        clock.advance("5d")
        (await signing.approve("r", by="max")).unwrap()
        await signing.recover()
        (await signing.away("noah", to="max", until="6d")).unwrap()
        clock.advance("6d")
        assert isinstance((await signing.approve("r", by="max")).failure(), NotAuthorised)


async def test_nobody_edits_what_others_have_signed(example: Any) -> None:
    """Who wants another text says no."""
    async with Simulation(workflows=[example.sign]) as sim:
        await sent(sim, example)
        document = example.read(lease(example)).unwrap()
        edit = {"$type": "Document", "number": document.number, "text": "mine", "sha256": document.sha256}
        assert isinstance((await sim.edit("r", None, edit, by="hana")).failure(), NotAuthorised)


@pytest.mark.parametrize("after", [False, True])
async def test_a_process_that_dies_while_it_files_files_once(example: Any, after: bool) -> None:
    """Whether the file was there by then or not."""
    real = example.archive.file

    def die(document: Any) -> Crash:
        if after:
            real(document)
        return CRASH

    async with Simulation(workflows=[example.sign], steps={real: [die, real]}) as sim:
        await sent(sim, example)
        for name in ("hana", "elif", "noah"):
            await sim.approve("r", by=name)
        await sim.skip("1m")
        assert isinstance((await sim.execution("r", example.sign)).result, Ok)
    assert [each.name for each in example.archive.folder.iterdir()] == ["lease-114.txt"]


async def test_a_document_that_cannot_be_read_is_sent_to_nobody(example: Any) -> None:
    """The error names the file."""
    (example.HERE / "contracts" / "lease-114.txt").unlink()
    async with example.orchestrator(MemoryStore()) as signing:
        said = await example.hand_in(signing, lease(example))
        assert said.startswith("not signed. contracts/lease-114.txt: ")
        assert not (await signing.pending()).items


@pytest.mark.parametrize("text", [b"", b"no toml", b"contract = 3", b"[[contract]]\nnumber = 'x'", b"\xff"])
def test_whatever_is_malformed_is_refused(example: Any, tmp_path: Path, text: bytes) -> None:
    """Also a file that is not there."""
    (tmp_path / "mine.toml").write_bytes(text)
    for name in ("mine.toml", "none.toml"):
        assert isinstance(example.contracts(tmp_path / name).failure(), example.Unreadable)
