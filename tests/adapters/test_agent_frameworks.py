"""Every adapter of an agent framework stands on the versions that it was tried with, and on no others."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import awaitly
from awaitly import Tried

PROJECT = tomllib.loads((Path(awaitly.__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
ADAPTERS = ["adk", "agent_framework", "agno", "claude", "langchain", "mcp", "openai_agents", "pydantic_ai"]


def tried(adapter: str) -> tuple[Tried, ...]:
    """Give what an adapter was tried with."""
    found: tuple[Tried, ...] = importlib.import_module(f"awaitly_{adapter}.versions").TRIED
    return found


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_the_extra_and_the_check_name_the_same_versions(adapter: str) -> None:
    """So that whoever installs the extra can import the adapter."""
    extra = PROJECT["optional-dependencies"][adapter.replace("_", "-")]
    assert {str(each) for each in tried(adapter)} <= set(extra)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_another_version_than_those_tried_is_refused_on_import(adapter: str) -> None:
    """With the range that was, before anything of the framework is imported."""
    (*_, last) = tried(adapter)
    said = imported(
        adapter,
        f"real = metadata.version\nmetadata.version = lambda name: '99.1' if name == {last.package!r} else real(name)",
        f"sys.modules[{last.module!r}] = type(sys)({last.module!r})\nsys.modules[{last.module!r}].__spec__ = object()",
    )
    assert said.endswith(
        f"UntriedVersion: awaitly_{adapter} was tried with {last}, and this is {last.package} 99.1: "
        f"pip install 'awaitly[{adapter.replace('_', '-')}]'"
    )


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_framework_that_is_missing_is_said_with_the_command_that_installs_it(adapter: str) -> None:
    """The command stands in the error, and the error names what is missing."""
    for each in tried(adapter):
        said = imported(adapter, f"sys.modules[{each.module!r}] = None")
        assert said == (
            f"ModuleNotFoundError: awaitly_{adapter} needs {each.package}, which is missing: "
            f"pip install 'awaitly[{adapter.replace('_', '-')}]'"
        )


def imported(adapter: str, *before: str) -> str:
    """Give the last line of a process that does something, and then imports an adapter."""
    code = "\n".join(("import sys", "from importlib import metadata", *before, f"import awaitly_{adapter}"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1]
