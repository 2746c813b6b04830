from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.services import installing


def test_no_service_is_started_by_being_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """While packages are installed Debian is told to start nothing, and afterwards it is as it was."""
    policy, seen = tmp_path / "policy-rc.d", list[tuple[str, int]]()

    def run(command: Sequence[str], **_: Any) -> None:
        seen.append((command[2], subprocess.call([policy])))

    monkeypatch.setattr(installing, "_POLICY", policy)
    monkeypatch.setattr("tests.services.installing.subprocess.run", run)
    installing.install(("postgresql",))
    assert seen == [("update", 101), ("install", 101)]
    assert not policy.exists()
