"""Draw the pictures of these docs: `python -m docs.draw.diagrams` writes docs/images/*.svg.

The moves in the two state diagrams are those of the code. What is written here is only where a state stands and along
which way an arrow runs; a move without a way, and a way without a move, end the drawing with an error.
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from benchmarks.figures import read
from docs.draw.architecture import architecture
from docs.draw.exploring import CONSUMED, Moves, approval_moves, run_moves
from docs.draw.ratios import ratios_picture
from docs.draw.svg import Picture, Point

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"


@frozen
class Box:
    """Where a state stands: its top left corner and its size."""

    x: float
    y: float
    width: float = 130
    height: float = 40
    kind: str = "box"
    below: str | None = None


@frozen
class Way:
    """Along which points an arrow runs, and where its label stands, if it has one; `when` is added to the label.

    A line of the label has at most `width` characters.
    """

    points: tuple[Point, ...]
    label: Point | None
    when: str = ""
    anchor: str = "middle"
    width: int = 60


@frozen
class Group:
    """States with a frame around them; a move that all of them have is drawn once, from the frame."""

    name: str
    states: tuple[str, ...]
    frame: Box


@frozen
class Layout:
    """Where everything of one state diagram stands."""

    width: int
    height: int
    title: str
    description: str
    boxes: Mapping[str, Box]
    group: Group
    ways: Mapping[tuple[str, str], Way]
    start: Point
    start_way: Way
    start_label: str


APPROVAL = Layout(
    900,
    450,
    "The states of an approval",
    "A pending approval becomes approved, edited, rejected or expired; its run then consumes the decision, once.",
    {
        "pending": Box(70, 74, 130, 250, below="waits for people"),
        "approved": Box(400, 84),
        "edited": Box(400, 144),
        "rejected": Box(400, 204),
        "expired": Box(400, 264),
        "cancelled": Box(70, 388, kind="end"),
        CONSUMED: Box(740, 100, kind="end"),
        "superseded": Box(740, 244, kind="end"),
    },
    Group("decided", ("approved", "edited", "rejected", "expired"), Box(380, 50, 170, 270)),
    {
        ("pending", "pending"): Way(
            ((105, 74), (105, 40), (165, 40), (165, 74)), (175, 18), "\nuntil enough agree", "start"
        ),
        ("pending", "approved"): Way(((200, 104), (400, 104)), (290, 97)),
        ("pending", "edited"): Way(((200, 164), (400, 164)), (290, 157)),
        ("pending", "rejected"): Way(((200, 224), (400, 224)), (290, 217)),
        ("pending", "expired"): Way(((200, 284), (400, 284)), (290, 277)),
        ("pending", "cancelled"): Way(((105, 324), (105, 388)), (97, 360), "", "end"),
        ("pending", "superseded"): Way(((185, 324), (185, 345), (790, 345), (790, 284)), (480, 338)),
        ("superseded", "pending"): Way(((825, 284), (825, 368), (145, 368), (145, 324)), (480, 385)),
        ("decided", CONSUMED): Way(((550, 120), (740, 120)), (645, 113), "once"),
        ("decided", "superseded"): Way(((550, 264), (740, 264)), (645, 257)),
    },
    (28, 250),
    Way(((34, 250), (70, 250)), (46, 240)),
    "ask",
)

RUN = Layout(
    880,
    450,
    "The states of a run",
    "A run goes back and forth between running and parked until it is completed, failed, cancelled or set aside.",
    {
        "parked": Box(80, 104),
        "queued": Box(80, 234),
        "running": Box(350, 104, 120, 170, below="under a lease"),
        "completed": Box(680, 94, kind="end"),
        "failed": Box(680, 160, kind="end"),
        "needs_review": Box(680, 240, kind="table"),
        "cancelled": Box(680, 348, kind="end"),
    },
    Group("under way", ("parked", "queued", "running"), Box(50, 70, 460, 240)),
    {
        ("parked", "running"): Way(((210, 114), (350, 114)), (280, 107)),
        ("running", "parked"): Way(((350, 136), (210, 136)), (280, 152)),
        ("running", "running"): Way(
            ((350, 176), (316, 176), (316, 204), (350, 204)), (308, 187), "\nclaim: when the lease is over", "end"
        ),
        ("parked", "parked"): Way(((110, 144), (110, 168), (150, 168), (150, 144)), (160, 171), "", "start"),
        ("queued", "running"): Way(((210, 244), (350, 244)), (280, 237)),
        ("running", "queued"): Way(((350, 264), (210, 264)), (280, 281)),
        ("running", "completed"): Way(((470, 114), (680, 114)), (600, 107), "with Ok"),
        ("running", "failed"): Way(((470, 180), (680, 180)), (600, 173), "with Err"),
        ("running", "needs_review"): Way(((470, 250), (680, 250)), (596, 243), "without progress"),
        ("under way", "needs_review"): Way(((510, 290), (710, 290), (710, 280)), (600, 284)),
        ("under way", "cancelled"): Way(((420, 310), (420, 368), (680, 368)), (550, 361)),
        ("needs_review", "cancelled"): Way(((770, 280), (770, 348)), (778, 319), "", "start"),
        ("needs_review", "queued"): Way(((810, 260), (846, 260), (846, 416), (145, 416), (145, 274)), (495, 409)),
        ("failed", "queued"): Way(((810, 180), (846, 180), (846, 416), (145, 416), (145, 274)), None),
    },
    (410, 26),
    Way(((410, 32), (410, 104)), (420, 52), "", "start"),
    "start",
)


def drawn(layout: Layout, moves: Moves) -> str:
    """Draw a state diagram."""
    picture = Picture(layout.width, layout.height, layout.title, layout.description)
    frame = layout.group.frame
    picture.frame(frame.x, frame.y, frame.width, frame.height, layout.group.name)
    for state in {state for source, _, target in moves for state in (source, target)} - set(layout.boxes):
        msg = f"no box for the state {state!r}"
        raise LookupError(msg)
    for state, box in layout.boxes.items():
        lines = [state.replace("_", " "), *([box.below] if box.below else [])]
        picture.box(box.x, box.y, box.width, box.height, lines, box.kind)
    picture.dot(layout.start)
    _draw_way(picture, layout.start_way, layout.start_label)
    for between, label in labels(layout.group, moves).items():
        if between not in layout.ways:
            msg = f"no way for {label!r} from {between[0]!r} to {between[1]!r}"
            raise LookupError(msg)
        _draw_way(picture, layout.ways[between], label)
    for between in set(layout.ways) - set(labels(layout.group, moves)):
        msg = f"no move leads from {between[0]!r} to {between[1]!r}"
        raise LookupError(msg)
    return picture.text()


def labels(group: Group, moves: Moves) -> dict[tuple[str, str], str]:
    """Give the events of each arrow, those that all states of the group share as arrows of the group."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for source, event, target in _grouped(group, moves):
        found[source, target].add(event)
    return {between: ", ".join(sorted(events)) for between, events in sorted(found.items())}


def _grouped(group: Group, moves: Moves) -> Iterator[tuple[str, str, str]]:
    for source, event, target in moves:
        outside = target not in group.states
        shared = outside and all((member, event, target) in moves for member in group.states)
        yield (group.name if shared and source in group.states else source), event, target


def _draw_way(picture: Picture, way: Way, label: str) -> None:
    picture.arrow(way.points)
    if way.label is not None:
        lines = [line for part in f"{label} {way.when}".split("\n") for line in textwrap.wrap(part, way.width)]
        picture.label(way.label, lines, way.anchor)


def pictures() -> dict[str, str]:
    """Draw everything; gives the text of each file by its name."""
    return {
        "approval.svg": drawn(APPROVAL, approval_moves()),
        "architecture.svg": architecture((ROOT / "ARCHITECTURE.md").read_text("utf-8")),
        "performance.svg": ratios_picture(read()),
        "run.svg": drawn(RUN, run_moves()),
    }


def main() -> None:
    """Write the files."""
    IMAGES.mkdir(exist_ok=True)
    for name, text in pictures().items():
        (IMAGES / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
