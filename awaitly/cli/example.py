"""The refunds example: where it is, and loading it by its path."""

from __future__ import annotations

import importlib.util
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, cast

from awaitly.replaying.workflow import Workflow

__all__ = ["Example", "Paid", "load_example"]

_NAME = "awaitly_demo_refunds"
_PACKAGE = Path(__file__).resolve().parents[1]


class Paid(Protocol):
    """What the workflow gives."""

    amount: Decimal
    currency: str


class _Bank(Protocol):
    payments: Path


class Example(Protocol):
    """What the demo uses of it."""

    bank: _Bank
    refund: Workflow[[list[str]], Paid, Any]
    MalformedRow: type[Any]
    ORDERS: Path

    def rows(self) -> list[list[str]]:
        """Read the file, without its header."""
        ...

    def run_id(self, row: list[str]) -> str:
        """Name the run of a row."""
        ...


def load_example(payments: Path) -> Example:
    """Load the example that came with this awaitly, paying into a file. Raises `FileNotFoundError`."""
    places = [parent / "examples" / "refunds" / "refunds.py" for parent in (_PACKAGE, _PACKAGE.parent)]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"the refunds example is at none of {', '.join(map(str, places))}")
    spec = importlib.util.spec_from_file_location(_NAME, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module  # annotations are looked up by the module's name
    spec.loader.exec_module(module)
    example = cast("Example", module)
    example.bank.payments = payments
    return example
