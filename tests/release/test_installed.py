from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.release.building import Environment, Release, extras, interpreters

TRIAL = Path(__file__).with_name("trial.py")
INTERPRETERS = interpreters()
NEWEST = max(INTERPRETERS, key=lambda version: int(version.partition(".")[2]))
Install = Callable[..., Environment]


@pytest.fixture
def install(release: Release, tmp_path: Path) -> Install:
    """Makes an environment with the wheel and some of its extras, and nothing else."""

    def made(version: str = NEWEST, *names: str, lowest: bool = False) -> Environment:
        environment = Environment.make(tmp_path / "env", INTERPRETERS[version])
        wanted = f"awaitly[{','.join(names)}]" if names else "awaitly"
        environment.install(f"{wanted} @ {release.wheel.as_uri()}", lowest=lowest)
        return environment

    return made


def tried(environment: Environment, release: Release, tmp_path: Path) -> None:
    """Let the trial run there, then the demo as it is without a terminal."""
    folder = tmp_path / "work"
    folder.mkdir()
    shutil.copy(TRIAL, folder)
    assert environment.run("trial.py", cwd=folder).strip() == release.metadata()["Version"]
    assert "awaitly approve refund-" in environment.run("-m", "awaitly", "demo", cwd=folder)


def test_a_wheel_alone_does_the_main_job(install: Install, release: Release, tmp_path: Path) -> None:
    """With its dependencies at their newest, and not one driver."""
    tried(install(), release, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("lowest", [False, True], ids=["highest", "lowest"])
@pytest.mark.parametrize("version", INTERPRETERS)
def test_the_main_job_on_every_python(
    install: Install, release: Release, tmp_path: Path, version: str, *, lowest: bool
) -> None:
    """With the newest dependencies and with the oldest that the metadata admits."""
    tried(install(version, lowest=lowest), release, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("lowest", [False, True], ids=["highest", "lowest"])
@pytest.mark.parametrize("extra", extras())
def test_each_extra_brings_all_that_its_adapter_needs(
    install: Install, tmp_path: Path, extra: str, *, lowest: bool
) -> None:
    """Alone, so that nothing is there because another extra brought it."""
    imports = {"oidc": "awaitly_web.proving.tokens, jwt", "serve": "awaitly_web"}.get(
        extra, f"awaitly_{extra.replace('-', '_')}"
    )
    names = ["web", "oidc"] if extra == "oidc" else [extra]
    environment = install(NEWEST, *names, lowest=lowest)
    environment.run("-W", "error", "-c", f"import {imports}", cwd=tmp_path)


@pytest.mark.slow
def test_all_extras_resolve_together(install: Install, tmp_path: Path) -> None:
    """One application may use them all."""
    environment = install(NEWEST, *extras())
    environment.run("-c", "import awaitly_mcp, awaitly_langchain, awaitly_web", cwd=tmp_path)
