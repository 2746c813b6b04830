from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from subprocess import CalledProcessError
from typing import TYPE_CHECKING

import pytest

from tests.browser.support import Inbox, opened_inbox
from tests.fixtures import limit
from tests.services.installing import can_install, install

if TYPE_CHECKING:
    from playwright.async_api import Browser

__all__ = ["limit"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def _found() -> str | None:
    named = os.environ.get("AWAITLY_TEST_BROWSER")
    return named or next((path for name in _NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give a browser's program: one that is named or here, or Debian's, which root gets installed."""
    found = _found()
    if found is None and can_install():
        try:
            install(["chromium"])
        except CalledProcessError as exc:
            found, why = None, f"installing it failed: {exc}"
        else:
            found, why = _found(), "it is not where it was installed"
    else:
        why = "install chromium, or name a browser in AWAITLY_TEST_BROWSER"
    if found is None:
        message = f"needs a browser: {why}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


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
