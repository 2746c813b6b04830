"""What a test tells a child process to do, as a value that fits on a command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, frozen

__all__ = ["Orders", "Place", "sqlite_at"]


def sqlite_at(path: Path) -> str:
    """Write the address of a store in a file, whose writers wait for each other as long as it takes."""
    return f"sqlite:///{path}?busy_timeout=60s"


@frozen
class Place:
    """What the processes of one test share: the address of their store, and files of marks and of reports."""

    store: str
    marks: str
    reports: str

    @classmethod
    def at(cls, folder: Path, store: str = "") -> Place:
        """Name the files in a folder; the store, if none is given, is a file of SQLite beside them."""
        return cls(store or sqlite_at(folder / "run.db"), str(folder / "run.marks"), str(folder / "run.reports"))


@frozen
class Orders:
    """What one child does.

    `deeds`: verbs with their arguments, done in order. `name`: who it is where it decides. `seed`: for its choices.
    `failpoint`: as in `Failpoints.from_env`; `hold`: a failpoint to wait at for a line on the standard input.
    `body`: what happens in step bodies, as in `kill-after@2`.
    `statement`: be killed before the n-th statement of SQL, or the n-th call of a store that talks to a server.
    `commit`: be killed in the n-th commit, so many seconds after its beginning; a split store commits to each half.
    `patience`: how many seconds it tries again where a run is in other hands. `cancels`: how likely it cancels a run
    instead of deciding. `planted`: a bug that its store has, to see whether it is noticed. `skew`: by how many hours
    the clock of its machine is ahead.
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
    skew: float = 0.0

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
