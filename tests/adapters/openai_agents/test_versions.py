from __future__ import annotations

import subprocess
import sys

import pytest

RANGE = "openai-agents>=0.24,<0.25"


def _imported(before: str) -> str:
    """Give the last line that a process says which does something, and then imports the adapter."""
    code = f"import sys\nfrom importlib import metadata\n{before}\nimport awaitly_openai_agents"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1]


def _version(version: str) -> str:
    """Give code that makes the SDK look as if it were another version."""
    fake = f"lambda name: {version!r} if name == 'openai-agents' else real(name)"
    return f"real = metadata.version\nmetadata.version = {fake}"


@pytest.mark.parametrize(
    "before",
    [
        "sys.modules['agents'] = None",
        "def version(name): raise metadata.PackageNotFoundError(name)\nmetadata.version = version",
    ],
    ids=["missing", "somebody else's"],
)
def test_without_the_sdk_one_is_told_what_to_install(before: str) -> None:
    """Also where a module of the same name is another project's."""
    last = _imported(before)
    assert last.startswith("ModuleNotFoundError: awaitly_openai_agents needs openai-agents, which is missing")
    assert last.endswith("pip install 'awaitly[openai-agents]'")


@pytest.mark.parametrize("version", ["0.23.9", "0.25.0", "1.24.0", "unknown"])
def test_a_version_that_was_never_tried_is_refused(version: str) -> None:
    """The error names the range and what it found."""
    last = _imported(_version(version))
    assert last.startswith(f"ImportError: awaitly_openai_agents was tried with {RANGE}, and this is {version}:")


def test_a_later_patch_is_taken() -> None:
    """The range is that of minor versions: the import goes on to what comes next."""
    last = _imported(f"{_version('0.24.7rc1')}\nsys.modules['awaitly_openai_agents.tools'] = None")
    assert last == "ModuleNotFoundError: import of awaitly_openai_agents.tools halted; None in sys.modules"
