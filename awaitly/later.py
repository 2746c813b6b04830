"""Names of a package that are imported when they are first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["given_later"]


def given_later(package: str, names: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """Make the `__getattr__` of a package: it takes a name from the module that lists it, and keeps it.

    A program pays for a module when it uses it. For type checkers the package imports the same names as usual.
    """
    modules = {name: module for module, listed in names.items() for name in listed}

    def get(name: str) -> object:
        if name not in modules:
            problem = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(problem, name=name, obj=sys.modules[package])
        value = getattr(import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
