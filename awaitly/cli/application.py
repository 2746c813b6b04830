"""Finding the user's orchestrator: `app:orchestrator` names one in a module, not yet opened, or what makes one."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from awaitly.cli.failures import CommandFailed, usage
from awaitly.cli.options import TEXT
from awaitly.verbs.orchestrator import Orchestrator

__all__ = ["APPLICATION", "application"]

APPLICATION = click.argument("name", metavar="MODULE:ATTRIBUTE", type=TEXT)


def application(name: str) -> Orchestrator:
    """Give the orchestrator that `module:attribute` names; the working directory is looked in first.

    The attribute may be one that is not open yet, or a callable without arguments that gives one.
    """
    module_name, colon, path = name.partition(":")
    if not (module_name and colon and path) or not all(map(str.isidentifier, f"{module_name}.{path}".split("."))):
        raise usage(f"{name!r} names no orchestrator: write MODULE:ATTRIBUTE, such as app:orchestrator")
    found: Any = _module(module_name)
    for part in path.split("."):
        if not hasattr(found, part):
            raise usage(f"the module {module_name!r} has no {path!r}{_instead(module_name, found)}")
        found = getattr(found, part)
    return _orchestrator(name, _made(name, found))


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path[:1]:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise usage(f"there is no module {name!r} in {here}, nor among what is installed") from error
        raise _failed(f"importing {name!r}", error) from error
    except (Exception, SystemExit) as error:
        raise _failed(f"importing {name!r}", error) from error


def _instead(module_name: str, found: object) -> str:
    """Name an orchestrator that a module has under another name."""
    members: dict[str, object] = vars(found) if isinstance(found, ModuleType) else {}
    others = [name for name, each in members.items() if isinstance(each, Orchestrator)]
    return f"; is it {module_name}:{others[0]}?" if others else ""


def _made(name: str, found: Any) -> Any:
    if isinstance(found, Orchestrator) or not callable(found):
        return found
    _check_takes_nothing(name, found)
    try:
        made = found()
    except (Exception, SystemExit) as error:
        raise _failed(f"calling {name}", error) from error
    if inspect.iscoroutine(made):
        made.close()
        raise usage(f"{name} is async: an orchestrator is made without waiting, and opened by the command")
    return made


def _check_takes_nothing(name: str, found: Callable[..., Any]) -> None:
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise usage(f"{name} cannot be called without arguments: {error}") from error
    except ValueError:  # one that is not written in Python tells no signature
        return


def _orchestrator(name: str, made: Any) -> Orchestrator:
    if isinstance(made, Orchestrator):
        return made
    hint = "; take awaitly.Orchestrator" if type(made).__module__ == "awaitly.sync" else ""
    raise usage(f"{name} gives {type(made).__qualname__}, and no Orchestrator{hint}")


def _failed(doing: str, error: BaseException) -> CommandFailed:
    """Say what the user's own code raised, and where."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return usage(f"{doing} raised {type(error).__name__}: {error}{where}")
