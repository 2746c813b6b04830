"""What takes text and is in no table, and why not."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["EXCLUDED"]

TOLD = "awaitly makes it and hands it out: nobody outside gives its texts"
STORED = "asked by the orchestrator, whose verbs are in the table; `StoreContract` says what it must answer"
TESTS = "for tests: its texts are the test's own"
SAME = "each verb awaits the one of the same name of `awaitly.Orchestrator`"
PROGRAM = "names what the program itself is made of, and is written in its code"
FRAMEWORK = (
    "called by an agent framework with what its model said, which is a `ToolCall` for the gate: that is in the table"
)

EXCLUDED: Mapping[str, str] = {
    "awaitly.sync.*": SAME,
    "awaitly.testing.*": TESTS,
    "awaitly*.*Store.*": STORED,
    "awaitly.Gate.execute_tool": "`Gate.call` and `Gate.execute` are in the table, which do the same",
    "awaitly.Invocation*": TOLD,
    "awaitly.Veil.value": "reads what awaitly itself has written",
    "awaitly.Workflow": PROGRAM,
    "awaitly.Workflow.bind": PROGRAM,
    "awaitly.Workflow.note_reader": PROGRAM,
    "awaitly.check_versions": PROGRAM,
    "awaitly.Tried": PROGRAM,
    "awaitly.GatedTool*": PROGRAM,
    "awaitly.execute": SAME,
    "awaitly.edit_notice": TOLD,
    "awaitly_*.GatePlugin*": FRAMEWORK,
    "awaitly_*.GateMiddleware*": FRAMEWORK,
    "awaitly_*.GateTools*": FRAMEWORK,
    "awaitly_*.GatedToolset*": FRAMEWORK,
    "awaitly_*.SessionGate*": FRAMEWORK,
    "awaitly_*.gated*": FRAMEWORK,
    "awaitly_claude.go_on": FRAMEWORK,
    "awaitly_mcp.GateProxy*": FRAMEWORK,
    "awaitly_mcp.serve_http": "binds a socket: the system says what is wrong with an address",
    "awaitly_web.wsgi_app": "takes what `web_app` takes, which is in the table",
    "awaitly_web.KeySet.key": "asks an identity provider over the network",
    "awaitly_web.Request.*": "in the table as `awaitly_web.Request`, which asks for both",
}
"""Patterns of full names."""

MADE_IN: Mapping[str, str] = {
    "awaitly.approvals.approval": TOLD,
    "awaitly.approvals.audit": TOLD,
    "awaitly.approvals.differing": TOLD,
    "awaitly.approvals.handling": TOLD,
    "awaitly.approvals.notices": TOLD,
    "awaitly.approvals.outcomes": TOLD,
    "awaitly.errors": TOLD,
    "awaitly.exceptions": TOLD,
    "awaitly.gating.calls": TOLD,
    "awaitly.gating.refusals": TOLD,
    "awaitly.gating.standing": TOLD,
    "awaitly.notifying.channels": TOLD,
    "awaitly.notifying.telling": TOLD,
    "awaitly.observing": TOLD,
    "awaitly.replaying.execution": TOLD,
    "awaitly.replaying.promises": TOLD,
    "awaitly.storage.journal": TOLD,
    "awaitly.storage.store": TOLD,
    "awaitly.verbs.doctor": TOLD,
    "awaitly.verbs.outbox": TOLD,
    "awaitly.verbs.progress": TOLD,
    "awaitly.verbs.queueing": TOLD,
    "awaitly.verbs.reader": TOLD,
    "awaitly.verbs.scheduling": TOLD,
    "awaitly.working.dispatch": TOLD,
    "awaitly.working.worker": "made by `Orchestrator.working`, which is in the table",
}
"""Modules whose classes are values that awaitly makes."""
