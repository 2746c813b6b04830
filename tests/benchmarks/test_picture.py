from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from benchmarks.figures import Figure
from docs.draw.ratios import WIDTH, ratios_picture, times_better
from tests.benchmarks.made_up import figure, measured

SVG = "{http://www.w3.org/2000/svg}"
STARTED = figure(
    "start to parked",
    "runs/s",
    {"awaitly": 3_000.0, "dbos": 75.0},
    ratio=40.0,
    against="dbos",
    target="at least 10 x",
    met=True,
    limit=4_000.0,
    limit_of="3 bare commits a run",
)
WAITED = figure(
    "approve to completed",
    "ms",
    {"awaitly": 0.9, "dbos": 3.0},
    ratio=0.3,
    against="dbos",
    target="at most 0.2 x",
    met=False,
)
LARGER = figure("disk", "bytes", {"awaitly": 1_300.0, "dbos": 900.0}, ratio=1_300 / 900, against="dbos")


def drawn(*figures: Figure) -> ET.Element:
    """Draw figures, and read the picture."""
    return ET.fromstring(ratios_picture(measured(*figures)))  # noqa: S314  (drawn a moment ago)


def words(picture: ET.Element) -> list[str]:
    """Give all that is written in a picture."""
    return [part.text or "" for part in picture.iter(f"{SVG}text")]


def bars(picture: ET.Element) -> dict[str, list[float]]:
    """Give the widths of the bars by their kind."""
    found: dict[str, list[float]] = {"box": [], "table": []}
    for part in picture.iter(f"{SVG}rect"):
        if part.get("class") in found:
            found[part.get("class", "")].append(float(part.get("width", "")))
    return found


def test_a_bar_says_how_many_times_better() -> None:
    """Beside it stand the target and whether it is met, so that nobody has to tell colours apart."""
    assert "40 times, target 10: met" in words(drawn(STARTED))
    assert "3.33 times, target 5: missed" in words(drawn(WAITED))


def test_below_a_name_stand_the_numbers() -> None:
    """Ratios alone would not say of what."""
    said = words(drawn(STARTED))
    assert "3,000 runs/s beside 75 of dbos" in said
    assert "3,000 runs/s beside 4,000: 3 bare commits a run" in said
    assert "75%" in said


@pytest.mark.parametrize(("each", "times"), [(STARTED, 40.0), (WAITED, 1 / 0.3), (LARGER, 900 / 1_300)])
def test_longer_is_better(each: Figure, times: float) -> None:
    """A bar shows the ratio the right way round, whether much is good or little."""
    assert times_better(each) == pytest.approx(times)  # pyright: ignore[reportUnknownMemberType]


def test_what_is_worse_or_misses_its_target_looks_different() -> None:
    """It has the other colour: that of a missed target, and that of more than the best peer takes."""
    found = bars(drawn(STARTED, WAITED, LARGER))
    assert len(found["table"]) == 2
    assert len(found["box"]) == 2, "one beside the peers, one beside the store"


def test_bars_and_words_stay_in_the_picture() -> None:
    """However much better something is, its axis is wide enough."""
    huge = figure("start", "runs/s", {"awaitly": 9e6, "dbos": 1.0}, ratio=9e6, against="dbos", limit=1.0, limit_of="x")
    picture = drawn(STARTED, huge, LARGER)
    for part in picture.iter(f"{SVG}rect"):
        assert float(part.get("x", "")) + float(part.get("width", "")) <= WIDTH
    assert max(float(part.get("x", "")) for part in picture.iter(f"{SVG}text")) <= WIDTH - 140
    assert all(re.fullmatch(r"[^<>]*", word) for word in words(picture))


def test_what_has_no_peer_has_no_bar_beside_the_peers() -> None:
    """A comparison of awaitly with itself is no comparison with a peer."""
    alone = figure("growth", "ms", {"awaitly": 1.0, "with 1,000": 0.5}, ratio=2.0, against="with 1,000")
    assert "growth" not in words(drawn(STARTED, alone))
