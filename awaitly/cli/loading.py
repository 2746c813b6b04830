"""Finding the program's orchestrator: `app:orchestrator` names it in a module, which may stand in this folder."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from awaitly import sync
from awaitly.cli.codes import ExitCode
from awaitly.cli.failures import CommandFailed, Failure, usage
from awaitly.orchestrator import Orchestrator

__all__ = ["load_orchestrator"]

T = TypeVar("T")


def load_orchestrator(target: str) -> Orchestrator:
    """Import the module and give the orchestrator, not yet opened, or what a function there makes without arguments."""
    module_name, colon, path = target.partition(":")
    if not (colon and module_name and path):
        raise usage(
            f"{target!r} does not say where the orchestrator is: write module:name, for instance app:orchestrator"
        )
    module = _imported(module_name)
    try:
        found: Any = reduce(getattr, path.split("."), module)
    except AttributeError:
        raise usage(f"the module {module_name!r} has no {path!r}{_offered(module)}") from None
    if callable(found) and not isinstance(found, Orchestrator | sync.Orchestrator):
        found = _guarded(cast("Callable[[], Any]", found), f"calling {target}() failed")
    if isinstance(found, Orchestrator):
        return found
    hint = "; a worker needs awaitly.Orchestrator, over the same store" if isinstance(found, sync.Orchestrator) else ""
    raise usage(f"{target} is no Orchestrator, and no function that makes one: it gives {_kind(found)}{hint}")


def _imported(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return _guarded(lambda: importlib.import_module(name), f"importing {name} failed")
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise usage(f"there is no module {error.name!r}, in {here} or anywhere else on the path") from None
        raise usage(f"importing {name} failed: it needs the module {error.name!r}, which is not installed") from error


def _guarded(act: Callable[[], T], what: str) -> T:
    """Do what the program's own code says; what it raises is told with its traceback."""
    try:
        return act()
    except ModuleNotFoundError:
        raise
    except Exception as error:
        traceback.print_exc()
        message = f"{what}: {type(error).__name__}: {error}"
        raise CommandFailed(Failure(ExitCode.USAGE, type(error).__name__, message)) from error


def _offered(module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, Orchestrator)]
    return f"; it has the orchestrator{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else ""


def _kind(value: object) -> str:
    return f"a {type(value).__name__}" if value is not None else "None"
