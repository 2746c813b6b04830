"""What the tests of the command line share: stores with runs that wait, and ways to call the command."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import frozen
from click.testing import CliRunner

from awaitly import Ask, Err, NotApproved, Ok, Orchestrator, Policy, Result, Run, open_store, workflow
from awaitly.cli import awaitly

NASTY = "[red]bold[/red] \x1b[31mred\x9b2J \u202etxt.exe\u2066 zero\u200bwidth\nsecond line\r\x07"
"""Markup, escape sequences, bidi controls, invisible characters and line ends."""

NASTY_SHOWN = r"[red]bold[/red] \x1b[31mred\x9b2J \u202etxt.exe\u2066 zero\u200bwidth\nsecond line\r\x07"

SECRET = "DE89370400440532013000"


@frozen
class Declined:
    """The error that a step gives."""

    code: str


async def quote(amount: Decimal) -> Result[Decimal, Declined]:
    """Give the amount back, or decline none."""
    return Ok(amount) if amount else Err(Declined(NASTY))


@workflow
async def purchase(run: Run[NotApproved | Declined], amount: Decimal) -> Result[Decimal, NotApproved | Declined]:
    """Ask one manager about an amount."""
    total = await run.step(quote, amount)
    return Ok(await run.approval("manager", proposes=total, summary=f"Buy for {total}"))


@workflow
async def contract(run: Run[NotApproved], title: str) -> Result[str, NotApproved]:
    """Ask two departments about a text and a number of copies."""
    text, copies = await run.approvals(Ask("legal", proposes=title), Ask("security", proposes=2))
    return Ok(f"{text} x{copies}")


@workflow
async def transfer(run: Run[NotApproved], iban: str) -> Result[dict[str, str], NotApproved]:
    """Ask two finance people about an account that nobody is to see."""
    policy = Policy(approvers=["role:finance"], needs=2, expires_in="7d")
    proposal = {"iban": iban, "to": "bob"}
    return Ok(await run.approval("finance", proposes=proposal, summary="Pay bob", redact=("iban",), policy=policy))


@workflow
async def nasty(run: Run[NotApproved], text: str) -> Result[str, NotApproved]:
    """Propose a hostile text under a hostile summary."""
    return Ok(await run.approval("odd", proposes=text, summary=text, reason=text, metadata={"why": text}))


WORKFLOWS = (purchase, contract, transfer, nasty)


def wait_for(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(work)


async def _fill(url: str) -> None:
    async with Orchestrator(open_store(url), workflows=WORKFLOWS) as orchestrator:
        await orchestrator.start(purchase(Decimal("12.50")), run_id="buy-1", requested_by="zed")
        await orchestrator.start(purchase(Decimal(0)), run_id="buy-0")
        await orchestrator.start(contract("Lease"), run_id="deal-1")
        await orchestrator.start(transfer(SECRET), run_id="pay-1")
        await orchestrator.start(nasty(NASTY), run_id="odd-1")


def filled(folder: Path) -> str:
    """Make a store with one failed run and four that wait, and give its URL."""
    url = f"sqlite:///{folder / 'runs.db'}"
    wait_for(_fill(url))
    return url


def resumed(url: str, run_id: str) -> Any:
    """Resume a run with its workflow's code and give its result."""

    async def go() -> Any:
        async with Orchestrator(open_store(url), workflows=WORKFLOWS) as orchestrator:
            return (await orchestrator.resume(run_id)).result

    return wait_for(go())


@frozen
class Answer:
    """What a call of the command gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


def call(*words: str, stdin: str = "", **environment: str) -> Answer:
    """Call the command in this process."""
    clean: dict[str, str | None] = {"AWAITLY_STORE": None, "AWAITLY_ACTOR": None, "COLUMNS": None}
    result = CliRunner(env={**clean, **environment}).invoke(awaitly, words, input=stdin, prog_name="awaitly")
    return Answer(result.exit_code, result.stdout, result.stderr)


def environment(**more: str) -> dict[str, str]:
    """Give a process's environment without what the developer has set, and without a desktop to open browsers on."""
    dropped = ("AWAITLY_", "BROWSER", "COLUMNS", "DISPLAY", "WAYLAND_DISPLAY")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | {"CI": "true"}
    return inherited | more


def process(*words: str | bytes, folder: Path, stdin: str = "", **more: str) -> Answer:
    """Call the command as a process of its own."""
    command = [sys.executable, "-m", "awaitly", *words]
    done = subprocess.run(
        command,
        cwd=folder,
        input=stdin,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def is_safe(text: str) -> bool:
    """Whether a terminal would show all of a text as it stands, and act on none of it."""
    return all(line.isprintable() for line in text.split("\n"))


def without_times(text: str) -> str:
    """Replace what differs from call to call."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "THEN", text)
    return re.sub(r"<?\d+(\.\d)? (ms|s|min)( \d+ s)?\b", "SOME TIME", text)
