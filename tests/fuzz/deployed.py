"""An application, as the command line finds it."""

from __future__ import annotations

from awaitly import Orchestrator, open_store
from tests.fuzz.ground import WORKFLOWS

__all__ = ["orchestrator"]


def orchestrator() -> Orchestrator:
    """Give an orchestrator over the store of the folder that the command is called in."""
    return Orchestrator(open_store("sqlite:///runs.db"), workflows=WORKFLOWS)
