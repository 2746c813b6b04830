"""The orchestrator's verbs, and those that a workflow calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from awaitly import (
    NeverHappened,
    Ok,
    Orchestrator,
    Result,
    Run,
    Stage,
    as_timedelta,
    workflow,
)
from tests.fuzz.entries import Entry
from tests.fuzz.ground import Side, refund
from tests.fuzz.texts import documents, nasty

__all__ = ["CALLED", "VERBS"]

LETTERS: Any = nasty.map(refund)
VALUE = {"value": documents}


def _e(name: str, /, drawn: Mapping[str, Any] | None = None, **usual: Any) -> Entry:
    return Entry(f"awaitly.Orchestrator.{name}", getattr(Orchestrator, name), usual, drawn or {})


def _is_short(length: str) -> bool:
    try:
        return as_timedelta(length) < timedelta(seconds=0.01)
    except ValueError:
        return True


ASKED: dict[str, Any] = {"run_id": "r", "key": "ok", "by": "bob"}

VERBS: tuple[Entry, ...] = (
    _e("absences"),
    _e("answer", **ASKED, text="so"),
    _e("approve", **ASKED),
    _e("approve_all", pending=(), by="bob"),
    _e("away", owner="bob", to="ann", until="1h"),
    _e("back", owner="bob"),
    _e("cancel", run_id="r", key="ok", by="zoe"),
    _e("claim", **ASKED),
    _e("cleanup", older_than="1h"),
    _e("comment", **ASKED, text="so"),
    _e("concerning", person="bob", run_id="r"),
    _e("dead_letters"),
    _e("decided_by", person="bob"),
    _e("delegate", **ASKED, to="carl"),
    _e("doctor"),
    _e("edit", VALUE, **ASKED, value="y"),
    _e("enqueue", {"invocation": LETTERS}, invocation=refund("x")),
    _e("fork", run_id="r", before="ok"),
    _e("history", run_id="r"),
    _e("inquire", **ASKED, text="why"),
    _e("ledger", run_id="r"),
    _e("notices", run_id="r"),
    _e("pending"),
    _e("progress", run_id="r", chain="money"),
    _e("reassign", **ASKED, to=["carl"]),
    _e("redact", run_id="r"),
    _e("reject", **ASKED),
    _e("reject_all", pending=(), by="bob"),
    _e("reject_promise", promise_id="p@t"),
    _e("release", **ASKED),
    _e("requeue", run_id="r"),
    _e("resend", run_id="r", key="k"),
    _e("resolve", VALUE, promise_id="p@t", value="x"),
    _e("resume", run_id="r"),
    _e("retry", run_id="r"),
    _e("runs"),
    _e("schedule", {"invocation": LETTERS}, name="nightly", cron="@daily", invocation=refund("x")),
    _e("seen", **ASKED),
    _e("settle", run_id="r", settlement=NeverHappened(), by="bob"),
    _e("signal", VALUE, run_id="r", name="s", value="x"),
    _e("spoofed", **ASKED, members=["by"]),
    _e("start", {"invocation": LETTERS}, invocation=refund("x")),
    _e("start_new", {"invocation": LETTERS}, invocation=refund("x"), run_id="r"),
    _e("status", run_id="r"),
    _e("unschedule", name="nightly"),
    _e("verify", run_id="r"),
    _e("wait", {"timeout": nasty.filter(_is_short)}, run_id="r", timeout="1ms"),
    _e("waiting_for", person="bob"),
    _e("work", once=True),
    _e("working"),
)


async def called_in_a_run(side: Side[Orchestrator], name: str, arguments: Mapping[str, Any]) -> object:
    """Have a workflow call what its run offers."""

    @workflow
    async def tried(run: Run[Any]) -> Result[str, Any]:
        given = dict(arguments)
        stages = given.pop("stages", ())
        found = getattr(run, name)(*given.pop("positional", ()), *stages, **given)
        return Ok(str(await found if hasattr(found, "__await__") else found))

    return await side.host.start(tried(), run_id=None)


def _c(name: str, /, drawn: Mapping[str, Any] | None = None, **usual: Any) -> Entry:
    return Entry(f"awaitly.Run.{name}", getattr(Run, name), usual, drawn or {})


PROPOSAL: dict[str, Any] = {"proposes": documents, "schema": documents, "metadata": documents}

CALLED: tuple[Entry, ...] = (
    _c("approval", PROPOSAL, key="ok", proposes="x"),
    _c("attempt_child", invocation=refund("x")),
    _c("chain", {"proposes": documents}, name="money", stages=(Stage("lead"),), proposes=1),
    _c("child", invocation=refund("x")),
    _c("decision", PROPOSAL, key="ok", proposes="x"),
    _c("patched", name="one"),
    _c("promise", name="p", kind=str),
    _c("sleep", length="1h"),
    _c("wait_for", name="s", kind=str),
)
