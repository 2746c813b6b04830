"""The versions of the SDK that this adapter was tried with: a gate must not rely on hooks that it never saw."""

from __future__ import annotations

import re
from importlib import metadata
from importlib.util import find_spec

__all__ = ["check"]

_PACKAGE, _MODULE = "openai-agents", "agents"
_SINCE, _BEFORE = (0, 24), (0, 25)
_INSTALL = "pip install 'awaitly[openai-agents]'"


def check() -> None:
    """Raise `ModuleNotFoundError` where the SDK is missing, `ImportError` where its version was never tried."""
    version = _installed()
    if version is None:
        missing = f"awaitly_openai_agents needs {_PACKAGE}, which is missing ({_MODULE}): {_INSTALL}"
        raise ModuleNotFoundError(missing, name=_MODULE)
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or not _SINCE <= (int(found[1]), int(found[2])) < _BEFORE:
        tried = f"{_PACKAGE}>={_dotted(_SINCE)},<{_dotted(_BEFORE)}"
        raise ImportError(f"awaitly_openai_agents was tried with {tried}, and this is {version}: {_INSTALL}")


def _installed() -> str | None:
    """Give the SDK's version; None where it is missing, or `agents` is somebody else's module."""
    try:
        return metadata.version(_PACKAGE) if find_spec(_MODULE) else None
    except metadata.PackageNotFoundError:
        return None


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
