from __future__ import annotations

import configparser
import importlib
import re
import zipfile
from pathlib import Path

import pytest

from tests.release.building import CHECKOUT, Release, extras, packages, wheel_of


def test_the_wheel_has_every_package_typed(release: Release) -> None:
    """Each is there with the marker that makes type checkers read it."""
    files = release.files()
    assert [name for name in packages() if f"{name}/py.typed" not in files] == []
    assert {name.split("/")[0] for name in files if name.endswith(".py")} == set(packages())


def test_the_wheel_carries_what_programs_read_at_run_time(release: Release) -> None:
    """Templates, styles, scripts and migrations go along: each file of a package that is no Python."""
    files = release.files()
    folders = [CHECKOUT / "awaitly", *sorted((CHECKOUT / "adapters").glob("awaitly_*"))]
    kept = [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".py"}
    ]
    assert any(path.suffix == ".sql" for path in kept)
    assert any(path.suffix == ".css" for path in kept)
    names = [str(path.relative_to(CHECKOUT)).removeprefix("adapters/") for path in kept]
    assert [name for name in names if name not in files] == []


def test_the_source_distribution_builds_the_same_wheel_as_the_checkout(release: Release, tmp_path: Path) -> None:
    """Nothing that the wheel needs is missing from the sources, and nothing else lies in the checkout's."""
    ours = wheel_of(CHECKOUT, tmp_path)
    with zipfile.ZipFile(ours) as here, zipfile.ZipFile(release.wheel) as there:
        assert [(each.filename, each.CRC) for each in here.infolist()] == [
            (each.filename, each.CRC) for each in there.infolist()
        ]


def test_entry_points_name_what_is_there(release: Release) -> None:
    """The command and the stores by URL scheme."""
    text = next(data for name, data in release.files().items() if name.endswith("entry_points.txt")).decode()
    points = configparser.ConfigParser(delimiters=("=",))
    points.read_string(text)
    named = [points[section][name] for section in points.sections() for name in points[section]]
    assert "awaitly_sqlite:open_sqlite" in named
    for point in named:
        module, _, name = point.partition(":")
        assert callable(getattr(importlib.import_module(module), name)), point


def test_metadata_names_each_extra_and_every_supported_python(release: Release) -> None:
    """What an index shows and an installer obeys."""
    metadata = release.metadata()
    assert sorted(metadata.get_all("Provides-Extra", [])) == list(extras())
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"


def test_the_changelog_begins_with_what_is_released(release: Release) -> None:
    """A version without `dev` has its own dated section; until then the newest section is that of the unreleased."""
    version = release.metadata()["Version"]
    heading = re.search(r"^## (.+)$", (CHECKOUT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert heading is not None
    wanted = "Unreleased" if ".dev" in version else rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d"
    assert re.fullmatch(wanted, heading[1])


@pytest.mark.parametrize("path", sorted((CHECKOUT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_workflows_pin_what_they_use_and_begin_without_rights(path: Path) -> None:
    """Each action by the hash of a commit, with its version beside it; rights are given job by job."""
    text = path.read_text("utf-8")
    used = re.findall(r"uses: (.+)", text)
    assert used
    assert [use for use in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v[\d.]+", use)] == []
    assert re.search(r"^permissions: \{\}$", text, re.MULTILINE)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
