"""What a test tells a child process to do, as a value that fits on a command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, frozen

__all__ = ["Orders", "Place"]


@frozen
class Place:
    """The files that the processes of one test share: the store, the marks of step bodies, what was reported."""

    store: str
    marks: str
    reports: str

    @classmethod
    def at(cls, folder: Path, name: str = "run") -> Place:
        """Name the files in a folder."""
        return cls(*(str(folder / f"{name}.{end}") for end in ("db", "marks", "reports")))


@frozen
class Orders:
    """What one child does.

    `deeds`: verbs with their arguments, done in order. `name`: who it is where it decides. `seed`: for its choices.
    `failpoint`: as in `Failpoints.from_env`; `hold`: a failpoint to wait at for a line on the standard input.
    `body`: what happens in step bodies, as in `kill-after@2`.
    `statement`: be killed before the n-th statement of SQL. `commit`: be killed in the n-th commit, so many seconds
    after its beginning. `patience`: how many seconds it tries again where a run is in other hands. `cancels`: how
    likely it cancels a run instead of deciding. `planted`: a bug that its store has, to see whether it is noticed.
    """

    place: Place
    deeds: tuple[tuple[str, ...], ...]
    name: str = "ann"
    seed: int = 0
    lease: str = "30s"
    failpoint: str = ""
    hold: str = ""
    body: str = ""
    statement: int = 0
    commit: tuple[int, float] = (0, 0.0)
    patience: float = 20.0
    cancels: float = 0.0
    planted: str = ""

    def to_json(self) -> str:
        """Write the orders for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Orders:
        """Read what `to_json` wrote."""
        members: dict[str, Any] = json.loads(text)
        members["place"] = Place(**members["place"])
        members["deeds"] = tuple(tuple(deed) for deed in members["deeds"])
        members["commit"] = tuple(members["commit"])
        return cls(**members)

    def but(self, **changes: Any) -> Orders:
        """Give the same orders with some changed."""
        return evolve(self, **changes)
