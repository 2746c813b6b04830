"""The end of the tutorial, as its reader comes to it: a worker, the inbox, a browser."""

from __future__ import annotations

import asyncio
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cli.programs import Program, awaitly
from tests.cli.support import environment
from tests.docs.pages import blocks_of

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"


def command_of_the_page() -> list[str]:
    """Give what the page says to type into the second terminal, on a port that is free."""
    block = next(block for block in blocks_of(PAGE) if block.language == "sh" and "awaitly dev" in block.text)
    return [*shlex.split(block.text.splitlines()[-1])[1:], "--port", "0"]


async def test_the_tutorial_ends_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    """What is edited on the page is paid by the worker beside it, and the page of the run says so."""
    for block in blocks_of(PAGE):
        if block.file:
            (tmp_path / block.file).write_text(block.text, "utf-8")
    with awaitly(tmp_path, *command_of_the_page()) as program:
        try:
            await decide(await browser.new_page(), program, tmp_path)
        finally:  # told to, it takes its worker along
            program.tell(signal.SIGINT)
            await asyncio.to_thread(program.ended)


async def decide(page: Page, program: Program, folder: Path) -> None:
    """Do what the page says."""
    line = await asyncio.to_thread(program.until, "event=inbox address=", "person=alice")
    await page.goto(line.partition("address=")[2].split()[0])
    await page.get_by_text("Nothing waits for you.").wait_for()
    start = [sys.executable, "start.py", "order-4"]
    await asyncio.to_thread(subprocess.run, start, cwd=folder, env=environment(), check=True)
    await page.get_by_text("Refund 120.00 for order-4").first.click()
    await page.get_by_text("Edit, then approve").click()
    await page.get_by_label("Value", exact=True).fill("90.00")
    await page.get_by_text("Look at the changes").click()
    await page.click("#confirm")
    await page.get_by_text("Your edit is in force").wait_for()
    await asyncio.to_thread(program.until, "event=executed", "run=refund-order-4", "status=completed")
    await page.get_by_text("refund-order-4 is completed.").wait_for()
