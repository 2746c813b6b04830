"""`python -m benchmarks [NAME...] [--quick]`: measure, print the table, keep it as JSON."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks import (
    audiences,
    disk,
    gating,
    growth,
    imports,
    inbox,
    policies,
    proxied,
    redis_limit,
    steps,
    streams,
    waking,
    working,
    workload,
)
from benchmarks.figures import Figure, environment, markdown, write

__all__: list[str] = []

_PARTS: dict[str, Callable[..., list[Figure]]] = {
    "workload": workload.measure,
    "steps": steps.measure,
    "import": imports.measure,
    "policies": policies.measure,
    "gate": gating.measure,
    "proxy": proxied.measure,
    "disk": disk.measure,
    "growth": growth.measure,
    "audiences": audiences.measure,
    "inbox": inbox.measure,
    "postgres": workload.measure_postgres,
    "audiences-postgres": audiences.measure_postgres,
    "inbox-postgres": inbox.measure_postgres,
    "growth-postgres": growth.measure_postgres,
    "growth-redis": growth.measure_redis,
    "redis": redis_limit.measure,
    "streams": streams.measure,
    "waking": waking.measure,
    "working": working.measure,
}
_LONG: dict[str, Callable[..., list[Figure]]] = {"million-postgres": growth.measure_million}
"""These take many minutes, and run only where they are named."""


def _main(arguments: Sequence[str]) -> int:
    """Give 1 where a contender was missing, so that nobody takes the table for a whole one."""
    options = _options(arguments)
    figures: list[Figure] = []
    missing: list[str] = []
    for name in options.parts or _PARTS:
        begun = time.monotonic()
        figures += (_PARTS | _LONG)[name](quick=options.quick, missing=missing)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    missing = list(dict.fromkeys(missing))
    print(", ".join(f"{name} {value}" for name, value in environment().items()), markdown(figures), sep="\n\n")
    for one in missing:
        print(f"\nMISSING, so not measured: {one}; `make bench` installs all of them", file=sys.stderr)
    print(f"\nkept in {write(figures, missing)}")
    return 1 if missing else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="NAME",
        help=f"what to measure: {', '.join(_PARTS)} by default; or {', '.join(_LONG)}",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds and runs: about a minute")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(_PARTS | _LONG):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
