"""The tables that figures make, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contenders import ON_POSTGRES
from benchmarks.figures import Figure, Measured, number

__all__ = ["STORES", "beside_peers", "details", "ratios", "share"]

STORES = ("SQLite", "Postgres", "Redis", "any")
"""In this order they stand in the table of ratios; the last is for what needs no store."""
_MET = {None: "", True: "met", False: "MISSED"}


def ratios(figures: Sequence[Figure]) -> str:
    """Draw the one table: all that has a row, beside what it is measured against and what the store alone can do."""
    head = ("store", "measure", "awaitly", "beside it", "ratio", "target", "", "the store alone")
    rows = sorted((figure for figure in figures if figure.row), key=lambda figure: STORES.index(figure.store))
    return _table(head, [_ratio_row(figure) for figure in rows])


def _ratio_row(figure: Figure) -> Sequence[str]:
    beside = f"{figure.against} {number(figure.values[figure.against])}" if figure.against else ""
    ratio = "" if figure.ratio is None else f"{number(figure.ratio)} x"
    measure = f"{figure.row}, {figure.unit}"
    own = number(figure.values["awaitly"])
    return figure.store, measure, own, beside, ratio, figure.target, _MET[figure.met], _limit(figure)


def _limit(figure: Figure) -> str:
    found = share(figure)
    return "" if found is None or figure.limit is None else f"{number(figure.limit)} ({found:.0%})"


def share(figure: Figure) -> float | None:
    """Give how near awaitly comes to what the store alone does: 1 is as fast."""
    if figure.limit is None:
        return None
    own = figure.values["awaitly"]
    return own / figure.limit if figure.more_is_better else figure.limit / own


def beside_peers(figures: Sequence[Figure], store: str) -> str:
    """Draw one store's figures that peers take part in, a column each."""
    rows = [figure for figure in figures if figure.store == store and len(_columns([figure])) > 1]
    columns = _columns(rows)
    head = ("measure", *columns, "the store alone")
    return _table(head, [_peers_row(figure, columns) for figure in rows])


def _columns(figures: Sequence[Figure]) -> Sequence[str]:
    return [name for name in ON_POSTGRES if any(name in figure.values for figure in figures)]


def _peers_row(figure: Figure, columns: Sequence[str]) -> Sequence[str]:
    cells = [number(figure.values[name]) if name in figure.values else "" for name in columns]
    limit = "" if figure.limit is None else f"{number(figure.limit)}: {figure.limit_of}"
    return f"{figure.name}, {figure.unit}", *cells, limit


def details(measured: Measured, *parts: str) -> str:
    """Draw every figure of some parts, with all that is beside it."""
    head = ("measure", "awaitly", "beside it", "ratio", "target", "")
    return _table(head, [_detail(figure) for figure in measured.figures if figure.part in parts])


def _detail(figure: Figure) -> Sequence[str]:
    beside = [f"{name} {number(value)}" for name, value in figure.values.items() if name != "awaitly"]
    ratio = "" if figure.ratio is None else f"{number(figure.ratio)} x {figure.against}".strip()
    own = number(figure.values["awaitly"]) if "awaitly" in figure.values else ""
    name = f"{figure.name}, {figure.unit}"
    return name, own, "; ".join([*beside, *figure.notes]), ratio, figure.target, _MET[figure.met]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Leave out a column in which nothing stands."""
    if not rows:
        return "Not measured."
    kept = [index for index in range(len(head)) if any(row[index] for row in rows)]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line[index] for index in kept)} |" for line in lines)
