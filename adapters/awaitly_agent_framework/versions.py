"""The versions of the framework that this adapter was tried with. A gate must not stand before hooks it never saw."""

from __future__ import annotations

from importlib import metadata

__all__ = ["check"]

_PACKAGE = "agent-framework-core"
_FROM, _BELOW = (1, 23), (1, 24)
_INSTALL = "pip install 'awaitly[agent-framework]'"


def check() -> None:
    """Raise `ModuleNotFoundError` where the framework is missing, `ImportError` for a version that was never tried."""
    try:
        version = metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError as exc:
        missing = f"awaitly_agent_framework needs {_PACKAGE}, which is missing: {_INSTALL}"
        raise ModuleNotFoundError(missing, name="agent_framework") from exc
    if not _FROM <= _leading(version) < _BELOW:
        tried = f">={_written(_FROM)},<{_written(_BELOW)}"
        raise ImportError(
            f"awaitly_agent_framework was tried with {_PACKAGE}{tried}, and this is {version}: {_INSTALL}"
        )


def _leading(version: str) -> tuple[int, ...]:
    """Give major and minor; nothing, which is in no range, where they are no numbers."""
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


def _written(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
