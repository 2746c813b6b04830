from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Reader

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "docs")))
def test_a_page_does_what_it_shows(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who does all that the page says, in an empty directory, sees what the page shows."""
    monkeypatch.chdir(tmp_path)
    Reader().read(page)
