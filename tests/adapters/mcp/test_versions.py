from __future__ import annotations

from importlib import metadata

import pytest

from awaitly_mcp.versions import check


@pytest.mark.parametrize("installed", ["2.2.9", "2.4.0", "3.0", "1.27.1"])
def test_an_sdk_that_was_not_tested_is_refused_with_the_range(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words name what is installed, and the command that puts it right."""

    def version(_: str) -> str:
        return installed

    monkeypatch.setattr("awaitly_mcp.versions.version", version)
    with pytest.raises(ImportError, match=f"mcp>=2.3,<2.4, and {installed} is installed: pip install 'awaitly") as told:
        check("mcp")
    assert told.value.name == "mcp"


def test_the_sdk_here_is_one_that_was_tested() -> None:
    """Or no other test here would say anything."""
    assert metadata.version("mcp").startswith("2.3.")
