from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from awaitly_agent_framework.versions import check


def test_without_the_framework_the_import_says_what_to_install() -> None:
    """The command stands in the error."""
    code = (
        "from importlib import metadata\n"
        "def missing(name): raise metadata.PackageNotFoundError(name)\n"
        "metadata.version = missing\nimport awaitly_agent_framework"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: awaitly_agent_framework needs agent-framework-core")
    assert last.endswith("pip install 'awaitly[agent-framework]'")


@pytest.mark.parametrize("version", ["1.22.9", "1.24.0", "2.0.0", "2", "2.x"])
def test_a_version_that_was_never_tried_is_refused_with_the_range(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate must not stand before hooks that it never saw."""

    def installed(package: str) -> str:
        return version

    monkeypatch.setattr(metadata, "version", installed)
    with pytest.raises(ImportError, match=rf">=1\.23,<1\.24, and this is {version}: pip install"):
        check()
