"""`awaitly mcp`: what is refused before anything is served. What is served is tried in tests/adapters/mcp."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import call

importlib.import_module("mcp.client.stdio")  # it keeps the stderr of this moment, which is not to be a command's

STORE = ("--store", "memory:")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("mcp", *STORE), "say one of the two: the server's COMMAND or URL, or --inbox"),
        (("mcp", *STORE, "--inbox", "npx", "some-server"), "say one of the two"),
        (("mcp", "some-server"), "which store?"),
        (
            ("mcp", *STORE, "--header", "authorization=NOT_SET", "http://127.0.0.1:9/mcp"),
            "--header takes NAME=VARIABLE",
        ),
        (("mcp", *STORE, "--inbox-url", "nowhere", "some-server"), "the inbox is where people reach it"),
        (("mcp", *STORE, "--rules", "no.toml", "some-server"), "no.toml cannot be read"),
        (("mcp", *STORE, "--rules", "no.toml", "--deny", "x", "some-server"), "say one of the two: --rules FILE, or"),
        (("mcp", *STORE, "--port", "0", "--host", "0.0.0.0", "some-server"), "can be reached by others"),  # noqa: S104  (it is refused)
    ],
)
def test_what_makes_no_sense_is_refused_in_words(words: tuple[str, ...], problem: str) -> None:
    """Before a server is started, with the code for a wrong command line."""
    done = call(*words)
    assert done.code == 2
    assert problem in done.err


def test_the_options_of_the_server_s_command_are_its_own() -> None:
    """Also without the two dashes before it."""
    done = call("mcp", *STORE, "--port", "0", "--host", "0.0.0.0", "some-server", "--port", "x")  # noqa: S104
    assert "can be reached by others" in done.err


def test_an_inbox_of_no_store_is_refused(tmp_path: Path) -> None:
    """A typo makes no new store."""
    done = call("mcp", "--inbox", "--store", f"sqlite:///{tmp_path}/typo.db")
    assert "there is no store at" in done.err
    assert list(tmp_path.iterdir()) == []


def test_without_the_sdk_it_says_what_to_install() -> None:
    """The rest of the command line needs none."""
    code = "import sys; sys.modules['mcp'] = None\nfrom awaitly_command import main; main()"
    words = [sys.executable, "-c", code, "mcp", *STORE, "some-server"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'awaitly[mcp]'" in done.stderr
