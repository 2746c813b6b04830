"""Builds what would be released, and finds the interpreters that it is tried with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from attrs import frozen

__all__ = ["CHECKOUT", "Environment", "Release", "build", "extras", "interpreters", "packages"]

CHECKOUT = Path(__file__).parents[2]
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
_PYPROJECT: Mapping[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))


def extras() -> Sequence[str]:
    """Give the names of all extras."""
    return sorted(_PYPROJECT["project"]["optional-dependencies"])


def packages() -> Sequence[str]:
    """Give the names of all top-level packages that a wheel must have."""
    return sorted(Path(path).name for path in _PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def interpreters() -> Mapping[str, Path]:
    """Find an interpreter of each supported version, by version: this one, what is on the path, what pyenv keeps."""
    found = {"{}.{}".format(*sys.version_info): Path(sys.executable)}
    kept = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for version in SUPPORTED:
        places = [shutil.which(f"python{version}"), *kept.glob(f"{version}.*/bin/python")]
        runs = (Path(place) for place in places if place and _runs(place))
        found.setdefault(version, next(runs, Path()))
    return {version: path for version, path in found.items() if path != Path()}


def _runs(path: str | Path) -> bool:
    """Say whether it starts: a version manager leaves scripts on the path that only say what is missing."""
    return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0


@frozen
class Release:
    """A source distribution, and the wheel that was built from it and nothing else."""

    sdist: Path
    wheel: Path

    def metadata(self) -> Message:
        """Read the wheel's metadata."""
        with zipfile.ZipFile(self.wheel) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
            return HeaderParser().parsestr(wheel.read(name).decode())

    def files(self) -> Mapping[str, bytes]:
        """Read each file of the wheel."""
        with zipfile.ZipFile(self.wheel) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}


def build(folder: Path) -> Release:
    """Build a source distribution from the checkout, and a wheel from that, as `pip install` of it would."""
    _hatch(CHECKOUT, "sdist", folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    return Release(sdist, wheel_of(source, folder))


def wheel_of(source: Path, folder: Path) -> Path:
    """Build a wheel from a folder of sources."""
    _hatch(source, "wheel", folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _hatch(source: Path, target: str, folder: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)


@frozen
class Environment:
    """An environment of its own, with nothing but what is installed there."""

    path: Path

    @classmethod
    def make(cls, path: Path, interpreter: Path) -> Environment:
        """Make an empty one."""
        _uv("venv", "--quiet", "--no-project", "--python", str(interpreter), str(path))
        return cls(path)

    @property
    def bin(self) -> Path:
        """Where its programs are."""
        return self.path / "bin"

    def install(self, *requirements: str, lowest: bool = False) -> None:
        """Install with all dependencies: the newest, or the oldest that are named."""
        resolution = "lowest-direct" if lowest else "highest"
        python = str(self.bin / "python")
        _uv("pip", "install", "--quiet", "--no-config", "--python", python, f"--resolution={resolution}", *requirements)

    def run(self, *arguments: str, cwd: Path) -> str:
        """Run its Python away from the checkout, isolated from what this environment names; give what was printed."""
        command = [str(self.bin / "python"), "-I", *arguments]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _uv(*arguments: str) -> str:
    uv = str(Path(sys.executable).with_name("uv"))
    done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout
