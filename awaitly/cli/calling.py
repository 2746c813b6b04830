"""How people call awaitly in their own shell."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

__all__ = ["program"]

_NAME = "awaitly"


def program(called: str) -> str:
    """Give what a shell finds awaitly by: its name, or the path that it was `called` by where that is off `PATH`."""
    if Path(called).name != _NAME or shutil.which(_NAME):
        return _NAME
    return shlex.quote(called)
