"""What raises: broken infrastructure, damaged input files and mistakes in the calling program.

Everything that a domain can expect is a value instead (`awaitly.errors`). Each adapter translates its driver's
exceptions into these at one boundary, `from` the original.
"""

from __future__ import annotations

from awaitly.errors import Unstorable

__all__ = [
    "BadSnapshot",
    "CommitUnknown",
    "DefinitionError",
    "NotAStore",
    "PolicyError",
    "RecordCorrupt",
    "SchemaTooNew",
    "SchemaTooOld",
    "StoreCorrupt",
    "StoreError",
    "StoreForbidden",
    "StoreFull",
    "StoreLocked",
    "StoreReadOnly",
    "StoreUnavailable",
    "StoreUnsuitable",
    "TokenTooLong",
    "UnknownStore",
    "UnknownWorkflow",
    "UnstorableValue",
]


class StoreError(Exception):
    """The store could not do its work. Nothing of the refused commit was written, unless it is `CommitUnknown`."""


class CommitUnknown(StoreError):
    """Whether a commit was written cannot be known, or not whether it is as safe as was asked: look before you repeat.

    The connection was lost before the answer came and could not be had again in time, or too few replicas or disks
    have confirmed. It was written whole or not at all.
    """


class StoreUnavailable(StoreError):
    """The store cannot be reached, opened or created."""


class StoreLocked(StoreError):
    """Another process holds the store's write lock for longer than the time that was allowed."""


class StoreReadOnly(StoreError):
    """The store can be read and not written."""


class StoreForbidden(StoreError):
    """The server does not let this user in, or not do what is needed."""


class StoreUnsuitable(StoreError):
    """The server, as it is set up, cannot keep what this store promises."""


class StoreFull(StoreError):
    """No space is left where the store writes."""


class StoreCorrupt(StoreError):
    """The store's own structure is damaged."""


class NotAStore(StoreError):
    """What stands at this address is not an awaitly store."""


class SchemaTooNew(StoreError):
    """A newer release of awaitly wrote this store."""


class SchemaTooOld(StoreError):
    """This store's schema lacks migrations, and was not to be changed by opening it."""


class UnknownStore(StoreError):
    """No installed adapter knows this store's URL scheme."""


class RecordCorrupt(StoreError):
    """One record of the store does not decode; the others are unaffected."""

    def __init__(self, run_id: str, reason: str) -> None:
        super().__init__(f"a record of run {run_id!r} does not decode: {reason}")
        self.run_id = run_id
        self.reason = reason


class BadSnapshot(ValueError):
    """A snapshot's text is truncated, was changed, or comes from a newer release."""


class PolicyError(ValueError):
    """A policy could never end, or contradicts itself."""


class DefinitionError(TypeError):
    """A workflow, a step or a gate is defined in a way that cannot work."""


class TokenTooLong(ValueError):
    """A session or a link could not be read back, it would be so long: above all a person's roles make it so."""


class UnknownWorkflow(LookupError):
    """A run's workflow was not given to this orchestrator; `workflow` is its name."""

    def __init__(self, message: str, workflow: str = "") -> None:
        super().__init__(message)
        self.workflow = workflow


class UnstorableValue(TypeError):
    """An argument of a workflow cannot be kept as text; `error` names the offender."""

    def __init__(self, error: Unstorable) -> None:
        super().__init__(str(error))
        self.error = error
