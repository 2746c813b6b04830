from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.support import Inbox, opened_inbox
from tests.fixtures import limit
from tests.services.having import needed
from tests.services.tools import AXE, BROWSER

if TYPE_CHECKING:
    from playwright.async_api import Browser

__all__ = ["limit"]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give a browser's program: one that is named or here, or Debian's, which root gets installed."""
    return str(needed(BROWSER))


@pytest.fixture(scope="session")
def axe() -> str:
    """Give the script that checks whether pages can be used by everybody."""
    return needed(AXE).read_text("utf-8")


@pytest.fixture
async def browser(chromium: str, inbox: Inbox) -> AsyncIterator[Browser]:
    """Give a browser of the test's own; it is closed before the inbox is."""
    from playwright.async_api import async_playwright  # noqa: PLC0415  (runs of other tests do not wait for it)

    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        await opened.close()


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    """Serve an inbox."""
    async with opened_inbox() as opened:
        yield opened
