from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from awaitly import Orchestrator
from awaitly.cli.application import application
from awaitly.cli.failures import CommandFailed

CODE = """
from awaitly import MemoryStore, Orchestrator
from awaitly import sync

orchestrator = Orchestrator(MemoryStore())
number = 7

def made():
    return Orchestrator(MemoryStore())

def given(store):
    return Orchestrator(store)

async def later():
    return Orchestrator(MemoryStore())

def breaks():
    raise LookupError("no settings")

def plain():
    return sync.Orchestrator(MemoryStore())

class settings:
    inner = orchestrator
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be in a folder with a module `app_of_test`, which is forgotten afterwards."""
    known = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "app_of_test.py").write_text(CODE)
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.endswith("_of_test"):
            del sys.modules[name]


@pytest.mark.parametrize("attribute", ["orchestrator", "made", "settings.inner"])
@pytest.mark.usefixtures("here")
def test_naming_an_orchestrator_or_what_makes_one(attribute: str) -> None:
    """Both are found, in a module of the working directory, also inside something else."""
    assert isinstance(application(f"app_of_test:{attribute}"), Orchestrator)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("app_of_test", "write MODULE:ATTRIBUTE"),
        (":orchestrator", "write MODULE:ATTRIBUTE"),
        ("app_of_test:", "write MODULE:ATTRIBUTE"),
        ("app-of-test:orchestrator", "write MODULE:ATTRIBUTE"),
        ("missing_of_test:orchestrator", "there is no module 'missing_of_test'"),
        ("app_of_test:orchestra", "is it app_of_test:orchestrator?"),
        ("app_of_test:number", "gives int, and no Orchestrator"),
        ("app_of_test:given", "cannot be called without arguments"),
        ("app_of_test:later", "is async"),
        ("app_of_test:plain", "take awaitly.Orchestrator"),
        ("app_of_test:breaks", "raised LookupError: no settings"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_names_no_orchestrator_is_said_in_one_sentence(name: str, said: str) -> None:
    """The sentence names the cure, and the exit code is that of a wrong command line."""
    with pytest.raises(CommandFailed) as raised:
        application(name)
    assert said in raised.value.failure.message
    assert raised.value.failure.code == 2


def test_a_module_that_cannot_be_imported_says_why_and_where(here: Path) -> None:
    """What the user's own module raises is named with its line, also where it misses another module."""
    (here / "broken_of_test.py").write_text("import nowhere_of_test\n")
    with pytest.raises(CommandFailed, match=r"No module named 'nowhere_of_test' \(.*broken_of_test.py:1\)"):
        application("broken_of_test:orchestrator")
