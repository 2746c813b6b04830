"""What `import awaitly` and `import awaitly_web` cost over their foundations, in fresh interpreters that take turns."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, at_most
from benchmarks.peers import compared

__all__ = ["measure"]

_ROOT = Path(__file__).parent.parent
_BASE = "import attrs, returns.result"
_IMPORTS = {
    "base": _BASE,
    "awaitly": "import awaitly",
    "awaitly_web": "import awaitly_web",
    "langgraph": "import langgraph.graph, langgraph.types, langgraph.checkpoint.sqlite.aio",
    "dbos": "import dbos",
}
_TIMED = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
_ALSO_LOADED = "import sys; {}; known = set(sys.modules); {}; print(*(set(sys.modules) - known))"
_HEAVY = 2_000
"""Microseconds from which a package counts as heavy."""


_COMPILED = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPYCACHEPREFIX": os.path.join(tempfile.gettempdir(), "awaitly-benchmarks-bytecode"),  # noqa: PTH118
}
"""An environment in which everything is compiled once and then read, as an installed package is."""


def measure(*, quick: bool, missing: list[str]) -> list[Figure]:
    times: dict[str, list[float]] = defaultdict(list)
    present = {name: line for name, line in _IMPORTS.items() if _present(name, line, missing)}
    for number in range(5 if quick else 15):
        for name, line in present.items():
            if name in ("base", "awaitly", "awaitly_web") or number % 3 == 0:
                times[name].append(float(_python("-c", _TIMED.format(line))) * 1_000)
    found = {name: median(each) for name, each in times.items()}
    web = found.pop("awaitly_web", None)
    return [_figure(found), *([] if web is None else [_web_figure(web)])]


def _present(name: str, line: str, missing: list[str]) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", line], cwd=_ROOT, env=_COMPILED, capture_output=True, text=True, check=False
    )
    if done.returncode:
        missing.append(f"{name}: {done.stderr.strip().splitlines()[-1]}")
    return not done.returncode


def _figure(values: dict[str, float]) -> Figure:
    base = values.pop("base")
    extra = {name: value - base for name, value in values.items()}
    target, met = at_most(extra["awaitly"], 120, " ms")
    heavy = ", ".join(f"{name} {micros / 1_000:.0f} ms" for name, micros in _heavy())
    notes = (f"the base itself {base:.0f}", f"heavy: {heavy}")
    name = f"import, over `{_BASE}`"
    figure = Figure("import", name, "ms", extra, None, "", target, met, notes, row=name, store="any")
    return compared(figure, {name: [found] for name, found in extra.items()})


def _web_figure(value: float) -> Figure:
    """Show the web application's whole import, its foundations and awaitly included."""
    return Figure(
        "import", "`import awaitly_web`, all of it", "ms", {"awaitly": value}, None, "", *at_most(value, 300, " ms")
    )


def _heavy() -> list[tuple[str, int]]:
    """Give the packages that awaitly loads beside the base and that take long by themselves, in microseconds."""
    loaded = {name.split(".")[0] for name in _python("-c", _ALSO_LOADED.format(_BASE, _IMPORTS["awaitly"])).split()}
    own: dict[str, int] = defaultdict(int)
    command = [sys.executable, "-X", "importtime", "-c", f"{_BASE}; {_IMPORTS['awaitly']}"]
    report = subprocess.run(command, cwd=_ROOT, env=_COMPILED, capture_output=True, text=True, check=True).stderr
    for line in report.splitlines()[1:]:
        micros, _, name = line.removeprefix("import time:").split("|")
        own[name.strip().split(".")[0]] += int(micros)
    heavy = [(name, micros) for name, micros in own.items() if micros >= _HEAVY and name in loaded]
    return sorted(heavy, key=lambda pair: -pair[1])


def _python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=_ROOT, env=_COMPILED, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
