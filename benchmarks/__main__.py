"""`python -m benchmarks [NAME...] [--quick]` measures and prints a table of ratios; `report` writes the page by it."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve

from benchmarks.figures import LATEST, SOME, Measured, read, write
from benchmarks.parts import LONG, PARTS, Part, minutes_left
from benchmarks.report import keep, versions
from benchmarks.table import details, ratios
from benchmarks.versions import environment
from docs.draw.ratios import ratios_picture

__all__ = ["main"]

_KNOWN: Mapping[str, Part] = {**PARTS, **LONG}


def main(arguments: Sequence[str]) -> int:
    """Give 1 where something was missing, so that nobody takes the table for a whole one."""
    options = _options(arguments)
    if options.parts == ["report"]:
        return _report(read(options.file), anyway=options.anyway)
    path = SOME if options.parts else LATEST
    measured = _measured(options.parts or [*PARTS, *(LONG if options.long else ())], path, quick=options.quick)
    _print(measured, named=bool(options.parts))
    picture = path.with_suffix(".svg")
    picture.write_text(ratios_picture(measured), encoding="utf-8")
    print(f"\nAll figures: {path}, the picture: {picture}")
    for one in measured.missing:
        print(f"MISSING, so not measured: {one}", file=sys.stderr)
    if measured.missing:
        print("The table is not whole; `make bench` installs all peers.", file=sys.stderr)
    return 1 if measured.missing else 0


def _measured(names: Sequence[str], path: Path, *, quick: bool) -> Measured:
    """Measure parts, and keep what was found after each: a run that is broken off has lost nothing of it."""
    measured = Measured([], environment(), quick=quick)
    parts = [_KNOWN[name] for name in names]
    for index, name in enumerate(names):
        minutes = minutes_left(parts[:index], parts[index:], sum(measured.seconds.values()))
        _say(f"[{index + 1}/{len(names)}] {name} ... about {minutes:.0f} min left")
        measured = _with(measured, name, quick=quick)
        write(measured, path)
    _say(f"all in {sum(measured.seconds.values()) / 60:.1f} min")
    return measured


def _with(measured: Measured, name: str, *, quick: bool) -> Measured:
    """Measure one more part. One that cannot be measured is missing, and loses nothing of the others."""
    missing = list(measured.missing)
    begun = time.monotonic()
    try:
        found = _KNOWN[name].measure(quick=quick, missing=missing)
    except (Exception, SystemExit) as exc:  # noqa: BLE001  (whatever it was, it is told)
        traceback.print_exc()
        missing.append(f"{name}: {exc}")
        found = []
    seconds = {**measured.seconds, name: round(time.monotonic() - begun, 1)}
    figures = [*measured.figures, *found]
    return evolve(measured, figures=figures, seconds=seconds, missing=list(dict.fromkeys(missing)))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _print(measured: Measured, *, named: bool) -> None:
    """Print the one table; where parts were named, all that they found."""
    print("\n" + ratios(measured.figures) if any(figure.row for figure in measured.figures) else "")
    if named:
        print("\n" + details(measured, *measured.seconds))
    missed = [f"{figure.part}: {figure.name}" for figure in measured.figures if figure.met is False and not figure.row]
    if missed:
        print("\nTargets missed besides:", *missed, sep="\n* ")
    print(f"\n{versions(measured)}\n\nTo repeat it: `make bench`. To write the page from it: `make bench ARGS=report`.")


def _report(measured: Measured, *, anyway: bool) -> int:
    """Give 1 and write nothing where readers would take part of the figures, or noisy ones, for what they are not."""
    left_out = [*measured.missing, *(f"{name} was not measured" for name in PARTS if name not in measured.seconds)]
    reasons = [*left_out, *(["it is of a shortened run"] if measured.quick else [])]
    if reasons and not anyway:
        print("Not written, for want of `--anyway`:", *reasons, sep="\n* ", file=sys.stderr)
        return 1
    for written in keep(evolve(measured, missing=left_out)):
        print(written)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    about = f"what to measure: {', '.join(PARTS)} by default; or {', '.join(LONG)}; or report"
    parser.add_argument("parts", nargs="*", metavar="NAME", help=about)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and runs: about a third of the time")
    parser.add_argument("--long", action="store_true", help=f"{', '.join(LONG)} too, where no part is named")
    parser.add_argument("--file", type=Path, default=LATEST, help="what `report` writes the page from: the latest")
    parser.add_argument(
        "--anyway", action="store_true", help="let `report` write the page from a run that is not whole"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(_KNOWN) - {"report"}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if "report" in options.parts and len(options.parts) > 1:
        parser.error("`report` measures nothing: name no part beside it")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
