from __future__ import annotations

from pathlib import Path
from subprocess import CalledProcessError, TimeoutExpired

import pytest

from tests.services.having import needed_node
from tests.services.lacking import lacks

_FOLDER = Path(__file__).parent / "filesystem"


@pytest.fixture(scope="session")
def filesystem() -> tuple[str, ...]:
    """Give the command of a server of somebody else's, which reads and writes files below a folder named last."""
    node = needed_node()
    try:
        modules = node.install_locked(_FOLDER)
    except (CalledProcessError, TimeoutExpired) as exc:
        lacks("an MCP server for files", f"npm could not fetch it: {exc}")
    script = modules / "@modelcontextprotocol" / "server-filesystem" / "dist" / "index.js"
    return (str(node.program), str(script))
