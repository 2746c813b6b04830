"""The releases of the MCP SDK with which this adapter was tested."""

from __future__ import annotations

from importlib.metadata import version

__all__ = ["check"]

_FROM, _BELOW = (2, 3), (2, 4)


def check(package: str) -> None:
    """Raise `ImportError` where the installed release is none of those tested."""
    installed = version(package)
    parts = tuple(int(part) for part in installed.split(".")[:2] if part.isdigit())
    if not _FROM <= parts < _BELOW:
        span = f">={_dotted(_FROM)},<{_dotted(_BELOW)}"
        msg = f"awaitly_mcp was tested with {package}{span}, and {installed} is installed: pip install 'awaitly[mcp]'"
        raise ImportError(msg, name=package)


def _dotted(parts: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in parts)
