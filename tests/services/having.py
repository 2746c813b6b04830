"""Having a tool: as it is found, or installed first; or the test cannot go on."""

from __future__ import annotations

from pathlib import Path
from subprocess import CalledProcessError

from tests.services.installing import install
from tests.services.lacking import lacks
from tests.services.node import Node, find_node
from tests.services.offers import Fetchable, Found, Installable
from tests.services.tools import EXAMPLE, NODE, Tool, look_for_tool

__all__ = ["get", "needed", "needed_node"]


def needed(tool: Tool) -> Path:
    """Give where a tool is; the test is skipped, or fails on a build server, where it is not to be had."""
    try:
        path = get(tool)
    except CalledProcessError as exc:
        lacks(tool.name, f"getting it failed ({exc}); {tool.cure}")
    return path or lacks(tool.name, tool.cure)


def needed_node() -> Node:
    """Give Node.js, likewise."""
    needed(NODE)
    return find_node() or lacks(NODE.name, NODE.cure)


def get(tool: Tool) -> Path | None:
    """Give where a tool is, and install it first where it is not here. Raises `CalledProcessError` where that fails."""
    match look_for_tool(tool):
        case Found(path, _):
            return path
        case Installable(packages):
            install(packages)
            return tool.found() or _fetched(tool)
        case Fetchable(_):
            return _fetched(tool)
        case _:
            return None


def _fetched(tool: Tool) -> Path | None:
    node = find_node()
    if tool.packages or node is None:
        return None
    node.install_locked(EXAMPLE)
    return tool.found()
