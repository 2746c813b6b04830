"""How a command ends that cannot do what it was asked: one line for people, one document for programs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from awaitly.cli.codes import ExitCode, code_of
from awaitly.cli.plain import members
from awaitly.exceptions import StoreError
from awaitly.values import frozen

__all__ = ["CommandFailed", "Failure", "refused", "store_trouble", "usage"]


@frozen
class Failure:
    """`kind` is the class of what went wrong, `message` its sentence, `fields` what else is known."""

    code: ExitCode
    kind: str
    message: str
    fields: Mapping[str, Any] = MappingProxyType({})

    def document(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {"error": {"type": self.kind, "message": self.message, **self.fields}}


class CommandFailed(Exception):
    """Ends a command."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def refused(error: object, otherwise: ExitCode = ExitCode.REFUSED) -> CommandFailed:
    """End with an error value of awaitly's."""
    return CommandFailed(Failure(code_of(type(error), otherwise), type(error).__name__, str(error), members(error)))


def store_trouble(error: StoreError) -> CommandFailed:
    """End with what the store raised."""
    fields: dict[str, Any] = {"run_id": run_id} if (run_id := getattr(error, "run_id", None)) else {}
    return CommandFailed(Failure(code_of(type(error), ExitCode.STORE), type(error).__name__, str(error), fields))


def usage(message: str) -> CommandFailed:
    """End with what is wrong in the command line."""
    return CommandFailed(Failure(ExitCode.USAGE, "UsageError", message))
