"""What a call may answer, and how many calls are made."""

from __future__ import annotations

import builtins
import inspect
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings

import awaitly.exceptions as typed

__all__ = ["LONG", "fuzzed", "is_allowed", "outcome"]

LONG = os.environ.get("AWAITLY_FUZZ") == "long"
"""Whether the long runs are made, by `make fuzz`."""

_EXAMPLES = int(os.environ.get("AWAITLY_FUZZ_EXAMPLES", "400"))
_OURS = tuple(getattr(typed, name) for name in typed.__all__)
_NAMED = re.compile(r"`(\w+(?:Error|Exception))`")
_ADAPTERS = re.compile(r"awaitly_\w+\.errors")


def fuzzed(examples: int) -> settings:
    """Give how many examples a test tries: always the same few of the default suite, many others of a long run."""
    count = _EXAMPLES if LONG else examples
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.large_base_example]
    return settings(
        max_examples=count, derandomize=not LONG, deadline=None, database=None, suppress_health_check=checks
    )


def is_allowed(error: BaseException, called: Callable[..., Any], owner: object = None) -> bool:
    """Whether a call may raise that: a typed error of ours, or just what its docstring names, and nothing of its kind.

    `owner` is a class that says so for all of its methods. An `OSError` has many kinds, which nobody lists.
    """
    if isinstance(error, _OURS) or _ADAPTERS.fullmatch(type(error).__module__):
        return True
    documented = {*_documented(called), *_documented(owner)}
    return type(error) in documented or (OSError in documented and isinstance(error, OSError))


def _documented(called: object) -> Iterator[type]:
    for name in _NAMED.findall(inspect.getdoc(called) or ""):
        named = getattr(builtins, name, None)
        if isinstance(named, type):
            yield named


def outcome(called: Callable[..., Any], error: BaseException, owner: object = None) -> str:
    """Give what a call has raised, where it may; raises it otherwise."""
    if not is_allowed(error, called, owner):
        raise AssertionError(f"{type(error).__name__}: {str(error)[:300]}") from error
    return f"{type(error).__name__}: {error}"
