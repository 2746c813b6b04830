from __future__ import annotations

import os
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from attrs import evolve

from tests.services import having, installing, node, tools
from tests.services.__main__ import main
from tests.services.having import get, needed, needed_node
from tests.services.node import Node, find_node
from tests.services.offers import Fetchable, Found, Installable, Missing
from tests.services.tools import AXE, BROWSER, NODE, TOOLS, Tool, look_for_tool

HERE = evolve(BROWSER, found=lambda: Path("/browser"))
NOWHERE = evolve(BROWSER, found=lambda: None)


def may_install(monkeypatch: pytest.MonkeyPatch, root: bool) -> None:
    """Be root of a Debian, or nobody."""
    monkeypatch.setattr(installing, "can_install", lambda: root)


def test_a_tool_that_is_named_comes_before_one_that_is_found() -> None:
    """Whoever names a browser gets that one."""
    assert look_for_tool(HERE, {"AWAITLY_TEST_BROWSER": "/mine"}) == Found(Path("/mine"), "AWAITLY_TEST_BROWSER")
    assert look_for_tool(HERE, {}) == Found(Path("/browser"), "found here")


@pytest.mark.parametrize(("root", "offer"), [(True, Installable(("chromium",))), (False, Missing(BROWSER.cure))])
def test_a_tool_is_installed_for_root_alone(
    root: bool, offer: Installable | Missing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody else is told what to install, or how to name one."""
    may_install(monkeypatch, root)
    assert look_for_tool(NOWHERE, {}) == offer
    assert "AWAITLY_TEST_BROWSER" in BROWSER.cure
    assert "chromium" in BROWSER.cure


def test_what_npm_brings_is_fetched_where_there_is_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    """And where there is none, the way to it is the way to Node.js."""
    may_install(monkeypatch, root=False)
    missing = evolve(AXE, found=lambda: None)
    monkeypatch.setattr(tools, "NODE", evolve(NODE, found=lambda: Path("/node")))
    assert look_for_tool(missing, {}) == Fetchable(tools.EXAMPLE)
    monkeypatch.setattr(tools, "NODE", evolve(NODE, found=lambda: None))
    assert look_for_tool(missing, {}) == Missing(missing.cure)
    assert "nodejs" in missing.cure


def test_a_test_whose_tool_cannot_be_had_is_skipped_or_fails_on_a_build_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both say what to do; also where installing it failed."""

    def failing(_: Tool) -> None:
        raise CalledProcessError(100, ["apt-get"])

    may_install(monkeypatch, root=False)
    monkeypatch.delenv("AWAITLY_TEST_BROWSER", raising=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no Chromium: .*install chromium"):
        needed(NOWHERE)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"no Chromium: .*install chromium"):
        needed(NOWHERE)
    monkeypatch.setattr(having, "get", failing)
    with pytest.raises(pytest.fail.Exception, match=r"getting it failed .*apt-get"):
        needed(NOWHERE)


def test_npm_runs_with_the_node_beside_it(tmp_path: Path) -> None:
    """The locked environment brings both."""
    assert needed_node().run_npm("--version", folder=tmp_path)[0].isdigit()


def test_without_the_wheel_the_paths_node_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only with its npm beside it."""
    there = {"node": "/bin/node", "npm": "/bin/npm"}
    nothing: dict[str, None] = {}
    monkeypatch.setattr("importlib.util.find_spec", nothing.get)
    monkeypatch.setattr("shutil.which", there.get)
    assert find_node() == Node(Path("/bin/node"), ("/bin/npm",))
    del there["npm"]
    assert find_node() is None


def test_what_a_lock_names_is_fetched_once_and_again_when_the_lock_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By npm's own record, which it writes last: a fetch that was cut off is made anew."""
    asked: list[tuple[str, ...]] = []
    record, lock = tmp_path / "node_modules" / ".package-lock.json", tmp_path / "package-lock.json"
    lock.touch()

    def run_npm(self: Node, *words: str, folder: Path) -> str:
        asked.append(words)
        record.parent.mkdir(exist_ok=True)
        if len(asked) > 1:
            record.touch()
        return ""

    monkeypatch.setattr(node.Node, "run_npm", run_npm)
    mine = Node(Path("node"), ("npm",))
    for _ in range(3):
        mine.install_locked(tmp_path)
    assert len(asked) == 2
    assert all(words[:2] == ("ci", "--ignore-scripts") for words in asked)
    changed = record.stat().st_mtime_ns + 1_000_000_000
    os.utime(lock, ns=(changed, changed))
    mine.install_locked(tmp_path)
    assert len(asked) == 3


def test_the_table_names_every_tool(capsys: pytest.CaptureFixture[str]) -> None:
    """Found or not; what is not understood is refused."""
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(tool.name in out for tool in TOOLS)
    assert main(["--instal"]) == 2
    assert "--install" in capsys.readouterr().err


def test_what_is_missing_is_had_at_once_and_what_cannot_be_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All are tried, whichever fails."""
    tried: list[str] = []

    def getting(tool: Tool) -> None:
        tried.append(tool.name)
        if tool is BROWSER:
            raise CalledProcessError(100, ["apt-get"])

    monkeypatch.setattr("tests.services.__main__.get", getting)
    monkeypatch.setattr("tests.services.__main__.SERVICES", ())
    assert main(["--install"]) == 1
    assert tried == [tool.name for tool in TOOLS]
    assert "could not be had: Chromium: " in capsys.readouterr().err


def test_a_tool_is_installed_by_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """And looked for again then."""
    may_install(monkeypatch, root=True)
    monkeypatch.delenv("AWAITLY_TEST_BROWSER", raising=False)
    installed: list[str] = []
    monkeypatch.setattr(having, "install", installed.extend)
    tool = evolve(BROWSER, found=lambda: Path("/browser") if installed else None)
    assert get(tool) == Path("/browser")
    assert installed == ["chromium"]
