"""The example in React: its own tests, and the card as it is built, against a real application."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any

import pytest

from awaitly import RunStatus
from awaitly_web.schemas import COMPONENTS
from awaitly_web.serving import app_served
from examples.react.host import host
from tests.browser.support import Inbox
from tests.docs.pages import blocks_of
from tests.services.having import needed_node
from tests.services.lacking import lacks
from tests.services.node import Node
from tests.services.tools import EXAMPLE

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

ROOT = EXAMPLE.parents[1]


@pytest.fixture(scope="session")
def node() -> Node:
    """Give Node.js, with what the example takes fetched."""
    found = needed_node()
    try:
        found.install_locked(EXAMPLE)
    except CalledProcessError as exc:
        lacks("packages of npm's", f"npm could not fetch them: {exc.stdout}")
    return found


@pytest.fixture(scope="session")
def built(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the page."""
    folder = tmp_path_factory.mktemp("built")
    node.run_npm("run", "build", "--", "--outDir", str(folder), "--emptyOutDir", folder=EXAMPLE)
    return folder


@pytest.mark.parametrize("script", ["types", "test"])
def test_the_examples_own_checks_pass(node: Node, script: str) -> None:
    """`tsc` finds no fault, and the tests of the card and the hook pass."""
    try:
        node.run_npm("run", script, folder=EXAMPLE)
    except CalledProcessError as exc:
        pytest.fail(str(exc.stdout), pytrace=False)


def test_the_lock_has_hashes_and_names_no_registry() -> None:
    """So any mirror serves, and what it serves is checked."""
    lock: dict[str, Any] = json.loads((EXAMPLE / "package-lock.json").read_text("utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert len(packages) > 50
    assert not [
        name for name, each in packages.items() if "resolved" in each or not {"version", "integrity"} <= each.keys()
    ]
    optional = {name for each in packages.values() for name in each.get("optionalDependencies", ())}
    assert optional <= {
        name.rpartition("node_modules/")[2] for name in packages
    }  # a mirror that lacked some left them out
    for each in packages.values():
        each.pop("funding", None)
    assert "://" not in json.dumps(lock)


def test_react_is_all_that_the_page_takes() -> None:
    """Whatever else is fetched builds it or tests it."""
    assert json.loads((EXAMPLE / "package.json").read_text("utf-8"))["dependencies"].keys() == {"react", "react-dom"}


def test_what_npm_fetches_and_builds_is_not_packed(tmp_path: Path) -> None:
    """The source distribution has the example, its lock and its settings, and neither `node_modules` nor `dist`."""
    for name in ("pyproject.toml", ".gitignore", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    example = tmp_path / "examples" / "react"
    shutil.copytree(EXAMPLE, example, ignore=shutil.ignore_patterns("node_modules", "dist"))
    for name in ("node_modules/react/index.js", "dist/index.html"):
        (example / name).parent.mkdir(parents=True)
        (example / name).touch()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path / "made")]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with tarfile.open(next((tmp_path / "made").iterdir())) as packed:
        names = {name.partition("/examples/react/")[2] for name in packed.getnames()}
    assert {"package-lock.json", ".npmrc", "src/ApprovalCard.tsx"} <= names
    assert not [name for name in names if name.startswith(("node_modules", "dist"))]


def test_what_the_page_shows_stands_in_the_example() -> None:
    """Each block of TypeScript in the documentation is a piece of a file that is compiled."""
    files = [path.read_text("utf-8") for path in (EXAMPLE / "src").glob("*.tsx")]
    shown = [block.text for block in blocks_of(ROOT / "docs" / "howto" / "react.md") if block.language == "tsx"]
    assert shown
    assert all(any(block in text for text in files) for block in map(str.strip, shown))


@pytest.mark.parametrize(("interface", "schema"), [("Approval", "Approval"), ("Decision", "Decision")])
def test_what_the_card_reads_is_what_the_api_answers(interface: str, schema: str) -> None:
    """Each member that its types name stands in the OpenAPI document, with the same states."""
    text = (EXAMPLE / "src" / "api.ts").read_text("utf-8")
    declared = re.search(rf"export interface {interface} \{{(.*?)\}}", text, re.DOTALL)
    assert declared is not None
    named = set(re.findall(r"readonly (\w+):", declared[1]))
    properties = COMPONENTS[schema]["properties"]
    assert named
    assert named <= set(properties)
    states = re.search(r"export type Status = (.*?);", text)
    assert states is not None
    assert set(re.findall(r'"(\w+)"', states[1])) == set(properties["status"]["enum"])


@asynccontextmanager
async def served(inbox: Inbox, built: Path, port: int = 0) -> AsyncGenerator[int]:
    """Serve the page with the application beside it, as the example does."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        async with app_served(host(inbox.orchestrator, inbox.sessions, built), listening):
            yield listening.getsockname()[1]


async def card(browser: Browser, inbox: Inbox, port: int, run_id: str, who: str) -> Page:
    """Open a card in a tab of somebody's who has signed in."""
    context = await browser.new_context()
    await inbox.sign_in(context, who)
    page = await context.new_page()
    await page.goto(f"http://127.0.0.1:{port}/?run={run_id}&key=manager")
    await page.wait_for_selector("article[data-connection=live]")
    return page


async def test_a_card_follows_other_tabs_and_a_restart_and_finishes_a_run(
    browser: Browser, inbox: Inbox, built: Path, axe: str
) -> None:
    """It shows what waits, what another tab decides, what it missed while the server was away, and its own decision."""
    for run_id in ("r1", "r2", "r3"):
        await inbox.parked(run_id)
    async with served(inbox, built) as port:
        first, other = await card(browser, inbox, port, "r1", "ann"), await card(browser, inbox, port, "r1", "bob")
        shown = await first.inner_text("article")
        assert "Waits for a decision" in shown
        assert "1480.50" in shown
        assert "NL91" not in await first.content()
        assert "customer of many years" in await first.inner_text(".claim")
        assert await faults(first, axe) == []
        await other.get_by_label("Reason, for the requester").fill("Paid already.")
        await other.get_by_role("button", name="Reject").click()
        await first.get_by_text("Rejected by bob").wait_for()
        assert "Paid already." in await first.inner_text(".standing")
        assert await faults(first, axe) == []
        missing = await card(browser, inbox, port, "r2", "ann")
    await missing.get_by_text("The connection is lost").wait_for()
    (await inbox.orchestrator.approve("r2", by="bob")).unwrap()
    async with served(inbox, built, port):
        await missing.get_by_text("Approved by bob").wait_for()
        own = await card(browser, inbox, port, "r3", "ann")
        await own.get_by_role("button", name="Approve as shown").click()
        await own.get_by_text("Approved by ann").wait_for()
        assert (await inbox.orchestrator.wait("r3", timeout="30s")).status is RunStatus.COMPLETED


async def faults(page: Page, axe: str) -> list[str]:
    """Check whether a page can be used by everybody; its own content security policy keeps the script of others out."""
    await page.evaluate(axe)
    report = await page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})")
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]}" for each in report["violations"]]
