"""The picture of the table of ratios: how many times better than the best peer, and how near to the store alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from attrs import frozen

from benchmarks.contenders import PEERS
from benchmarks.figures import Figure, Measured, number
from benchmarks.table import STORES, share
from docs.draw.svg import Picture

__all__ = ["ratios_picture", "times_better"]

WIDTH, LEFT, RIGHT = 980, 400, 790
ROW, BAR, HEAD = 38, 18, 34
TARGET = re.compile(r"at (?:least|most) (?P<times>[\d.]+) x")


@frozen
class Axis:
    """Where a value stands, between `LEFT` and `RIGHT`. Bars begin at `origin`; `ticks` are values and their names."""

    at: Callable[[float], float]
    origin: float
    ticks: Sequence[tuple[float, str]]


@frozen
class Bar:
    """One row: its name, what stands below it, how long its bar is and what stands beside that; a mark at `goal`."""

    name: str
    below: str
    value: float
    beside: str
    good: bool
    goal: float | None = None


def times_better(figure: Figure) -> float:
    """Give how many times more awaitly does, or how many times less it takes, than what it is compared with."""
    ratio = figure.ratio or 1.0
    return ratio if figure.more_is_better else 1 / ratio


def ratios_picture(measured: Measured) -> str:
    """Draw both charts."""
    peers = _grouped([figure for figure in measured.figures if figure.row and figure.against in PEERS], _beside_peer)
    limits = _grouped([figure for figure in measured.figures if figure.row and figure.limit], _beside_store)
    first, second = _height(peers), _height(limits)
    picture = Picture(
        WIDTH,
        first + second + 24,
        "awaitly beside its peers, and beside the store alone",
        "Bars, one for each measure: how many times better than the best peer, on a logarithmic scale with a mark for "
        "the target; then how near awaitly comes to what bare commits of the store do. The page has all as a table.",
    )
    about = "longer is better; the vertical mark is the target"
    _draw(picture, 12, f"How many times better than the best peer ({about})", _times_axis(peers), peers)
    _draw(picture, first + 12, "How near to bare commits of the store alone", _shares_axis(), limits)
    return picture.text()


Groups = Sequence[tuple[str, Sequence[Bar]]]


def _grouped(figures: Sequence[Figure], drawn: Callable[[Figure], Bar]) -> Groups:
    groups = [(store, [drawn(figure) for figure in figures if figure.store == store]) for store in STORES]
    return [("every store" if store == "any" else store, bars) for store, bars in groups if bars]


def _beside_peer(figure: Figure) -> Bar:
    own, other = number(figure.values["awaitly"]), number(figure.values[figure.against])
    found = TARGET.fullmatch(figure.target)
    goal = None if found is None else float(found["times"]) if figure.more_is_better else 1 / float(found["times"])
    said = "" if goal is None else f", target {goal:.3g}: {'met' if figure.met else 'missed'}"
    times = times_better(figure)
    below = f"{own} {figure.unit} beside {other} of {figure.against}"
    good = times >= 1 and figure.met is not False
    return Bar(figure.row.replace("`", ""), below, times, f"{times:.3g} times{said}", good, goal)


def _beside_store(figure: Figure) -> Bar:
    found = share(figure) or 0.0
    below = f"{number(figure.values['awaitly'])} {figure.unit} beside {number(figure.limit or 0)}: {figure.limit_of}"
    return Bar(figure.row, below, found, f"{found:.0%}", good=True)


def _times_axis(groups: Groups) -> Axis:
    """Lay it out by powers of two, wide enough for all bars and marks."""
    values = [value for _, bars in groups for bar in bars for value in (bar.value, bar.goal or 1.0)]
    low = min([-1, *(math.floor(math.log2(value)) for value in values)])
    high = max([4, *(math.ceil(math.log2(value)) for value in values)])

    def at(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * (math.log2(value) - low) / (high - low)

    return Axis(at, 1.0, [(2.0**power, f"{2.0**power:g}") for power in range(low, high + 1)])


def _shares_axis() -> Axis:
    return Axis(
        lambda value: LEFT + (RIGHT - LEFT) * min(value, 1.25) / 1.25,
        0.0,
        [(quarter / 4, f"{quarter * 25} %") for quarter in range(6)],
    )


def _height(groups: Groups) -> int:
    return 64 + sum(HEAD + ROW * len(bars) for _, bars in groups)


def _draw(picture: Picture, top: float, title: str, axis: Axis, groups: Groups) -> None:
    picture.words(24, top + 20, title, "name")
    bottom = top + _height(groups) - 12
    for value, written in axis.ticks:
        picture.rule((axis.at(value), top + 52), (axis.at(value), bottom), "line" if value == axis.origin else "frame")
        picture.words(axis.at(value), top + 46, written, "small", anchor="middle")
    y = top + 56.0
    for store, bars in groups:
        picture.words(24, y + 22, store, "name")
        y += HEAD
        for bar in bars:
            _row(picture, y, axis, bar)
            y += ROW


def _row(picture: Picture, y: float, axis: Axis, bar: Bar) -> None:
    picture.words(24, y + 11, bar.name, "plain")
    picture.words(24, y + 27, bar.below, "small")
    begin, end = sorted((axis.at(axis.origin), axis.at(bar.value)))
    picture.bar(begin, y + 4, max(end - begin, 1), BAR, "box" if bar.good else "table")
    if bar.goal is not None:
        picture.rule((axis.at(bar.goal), y), (axis.at(bar.goal), y + BAR + 8), "line")
    marks = [end, axis.at(axis.origin), *([axis.at(bar.goal)] if bar.goal is not None else [])]
    picture.words(max(marks) + 8, y + 17, bar.beside, "label")
