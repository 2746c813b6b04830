"""Take the pictures of the inbox with a browser: `python -m docs.draw.screenshots`, after a change of its looks."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from playwright.async_api import async_playwright

from tests.browser.support import chained, opened_inbox

IMAGES = Path(__file__).parents[1] / "images"
SIZES = (("inbox", 1000, 430, "/"), ("inbox-approval", 1000, 760, "/runs/refund-A-1062/approvals/manager"))


async def main() -> None:
    """Take them."""
    program = os.environ.get("AWAITLY_TEST_BROWSER") or shutil.which("chromium")
    async with opened_inbox() as inbox, async_playwright() as playwright:
        await inbox.parked("refund-A-1062")
        await inbox.parked("refund-A-1107")
        await inbox.orchestrator.start(chained(4_200), run_id="chairs", requested_by="mei")
        await inbox.orchestrator.comment("refund-A-1062", text="The carrier says that it is lost.", by="rita")
        await inbox.orchestrator.claim("refund-A-1107", by="bob")
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, width, height, path in SIZES:
            context = await browser.new_context(viewport={"width": width, "height": height})
            await inbox.sign_in(context, "ann", "decider")
            page = await context.new_page()
            await page.goto(inbox.url + path)
            await page.screenshot(path=IMAGES / f"{name}.png")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
