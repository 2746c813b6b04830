from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from docs.draw import diagrams
from docs.draw.exploring import approval_moves, run_moves

ROOT = Path(__file__).parents[2]
NAMES = ("approval.svg", "architecture.svg", "performance.svg", "run.svg")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    """Draw all pictures anew."""
    return diagrams.pictures()


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_shows_what_the_code_says(name: str, drawn: dict[str, str]) -> None:
    """Drawn anew from the tables it is the one in the docs; else `python -m docs.draw.diagrams` draws it."""
    assert (ROOT / "docs" / "images" / name).read_text("utf-8") == drawn[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_says_what_it_shows(name: str, drawn: dict[str, str]) -> None:
    """It has a title and a description, for those who do not see it."""
    picture = ET.fromstring(drawn[name])  # noqa: S314  (drawn a moment ago)
    assert picture.findtext(f"{SVG}title")
    assert picture.findtext(f"{SVG}desc")


def test_a_move_without_a_way_is_not_left_out() -> None:
    """A move that the layout does not know ends the drawing, so that no picture lacks one."""
    with pytest.raises(LookupError, match="no way for 'approve' from 'expired' to 'approved'"):
        diagrams.drawn(diagrams.APPROVAL, approval_moves() | {("expired", "approve", "approved")})


def test_a_long_label_is_broken_into_lines(drawn: dict[str, str]) -> None:
    """What can be done to a pending approval is more than one line holds, and none of it runs out of the picture."""
    labels = [part.text or "" for part in ET.fromstring(drawn["approval.svg"]).iter(f"{SVG}text")]  # noqa: S314
    assert "answer, approve, chime, claim, comment, delegate, edit," in labels
    assert max(map(len, labels)) <= 60


def test_a_way_without_a_move_is_not_drawn() -> None:
    """An arrow for a move that the table no longer has ends the drawing."""
    moves = frozenset(move for move in run_moves() if move[1] != "requeue")
    with pytest.raises(LookupError, match="no move leads from"):
        diagrams.drawn(diagrams.RUN, moves)
