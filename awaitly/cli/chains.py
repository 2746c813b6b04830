"""A chain of stages as a picture: what is done, what waits for whom, what remains, what is left out."""

from __future__ import annotations

from awaitly.cli.boxes import Box, draw_boxes
from awaitly.cli.folding import fold
from awaitly.cli.output import Output
from awaitly.cli.people import acting, others
from awaitly.statuses import ApprovalStatus
from awaitly.verbs.progress import Progress, StageProgress, StageState
from awaitly.visible import visible

__all__ = ["draw_chain"]

_INDENT = 2
_STYLES = {StageState.COMPLETED: "green", StageState.WAITING: "yellow", StageState.ENDED: "red"}


def draw_chain(output: Output, chain: Progress) -> None:
    """Draw a chain."""
    done, left_out = len(chain.completed), len(chain.skipped)
    count = len(chain.stages) - left_out
    fold(
        output, f"{visible(chain.chain)}: {done} of {count} {'stage' if count == 1 else 'stages'} done", indent=_INDENT
    )
    draw_boxes(output, [_box(stage) for stage in chain.stages], _INDENT)
    output.line()


def _box(stage: StageProgress) -> Box:
    faint = stage.state is StageState.SKIPPED
    return Box((visible(stage.name), _said(stage)), _STYLES.get(stage.state, "dim" if faint else ""), faint)


def _said(stage: StageProgress) -> str:
    match stage.state:
        case StageState.WAITING:
            return f"waits for {others(stage.waits_for or None)}"
        case StageState.REMAINING:
            return "remains"
        case StageState.AGAIN:
            return "to be asked again"
        case StageState.SKIPPED:
            return "left out"
        case StageState.COMPLETED | StageState.ENDED:
            return _ended(stage)


def _ended(stage: StageProgress) -> str:
    approval = stage.approval
    if approval is None:
        return stage.state.value
    closing = approval.closing
    nobody = closing is None or approval.status in {ApprovalStatus.EXPIRED, ApprovalStatus.SUPERSEDED}
    return approval.status.value + ("" if closing is None or nobody else f" by {acting(closing.by)}")
