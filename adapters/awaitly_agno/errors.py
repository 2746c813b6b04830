"""What this adapter raises where a call cannot be made now."""

from __future__ import annotations

__all__ = ["NotCalled"]


class NotCalled(BaseException):
    """A gated call was not made, and its run, as it was saved, is as good as before: go on from it by `go_on`.

    It is no `Exception`, because Agno tells these to the model as what the call gave. It only reaches who continues a
    run past `go_on`, which gives the run back as it was, or raises the error of the store from which this came.
    """
