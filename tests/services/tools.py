"""Programs that tests use beside servers, and where each is looked for: the environment, this machine, packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen

from tests.services import installing
from tests.services.node import find_node
from tests.services.offers import Fetchable, Found, Installable, Missing, Offer

__all__ = ["AXE", "BROWSER", "COMPILER", "EXAMPLE", "NODE", "TOOLS", "Tool", "look_for_tool"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "react"
"""The example in React; its lock names axe-core too."""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_COMPILERS = ("cc", "gcc", "clang", "tcc")


@frozen
class Tool:
    """A program or a script that tests need. `variable` names one, where it is not empty.

    It comes in Debian's `packages`, or by npm where there are none.
    """

    name: str
    variable: str
    packages: tuple[str, ...]
    found: Callable[[], Path | None]

    @property
    def cure(self) -> str:
        """What to do where there is none."""
        named = f"name one in {self.variable}, or " if self.variable else ""
        wanted = f"install it (Debian: apt-get install {' '.join(self.packages)})" if self.packages else NODE.cure
        return f"{named}{wanted}"


def look_for_tool(tool: Tool, environ: Mapping[str, str] = os.environ) -> Offer:
    """Find the first way to a tool. Whoever names one in the environment wants that one."""
    given = environ.get(tool.variable)
    if given:
        return Found(Path(given), tool.variable)
    path = tool.found()
    if path is not None:
        return Found(path, "found here")
    if not tool.packages and NODE.found() is not None:
        return Fetchable(EXAMPLE)
    return Installable(tool.packages or NODE.packages) if installing.can_install() else Missing(tool.cure)


def _first(names: tuple[str, ...]) -> Path | None:
    return next((Path(path) for name in names if (path := shutil.which(name))), None)


def _node() -> Path | None:
    found = find_node()
    return None if found is None else found.program


def _axe() -> Path | None:
    script = EXAMPLE / "node_modules" / "axe-core" / "axe.min.js"
    return script if script.is_file() else None


BROWSER = Tool("Chromium", "AWAITLY_TEST_BROWSER", ("chromium",), lambda: _first(_BROWSERS))
NODE = Tool("Node.js and npm", "", ("nodejs", "npm"), _node)
AXE = Tool("axe-core", "AWAITLY_TEST_AXE", (), _axe)
COMPILER = Tool("C compiler", "", ("tcc", "libc6-dev"), lambda: _first(_COMPILERS))
TOOLS = (BROWSER, NODE, AXE, COMPILER)
