"""The versions of a driver that an adapter was tried with, where what it hooks into is young and moves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec

from awaitly.values import frozen

__all__ = ["Tried", "UntriedVersion", "check_versions"]


class UntriedVersion(ImportError):
    """A version is installed with which the adapter was never tried."""


@frozen
class Tried:
    """From which version on, and before which, a package was tried. The extra in pyproject.toml says the same."""

    package: str
    module: str
    since: str
    before: str

    def __str__(self) -> str:
        return f"{self.package}>={self.since},<{self.before}"


def check_versions(adapter: str, tried: Iterable[Tried]) -> None:
    """Check on import that what an adapter hooks into is installed, in versions with which the adapter was tried.

    Raises `ModuleNotFoundError` where a package is missing, `UntriedVersion` where its version is another one.
    """
    extra = adapter.removeprefix("awaitly_").replace("_", "-")
    install = f"pip install 'awaitly[{extra}]'"
    for each in tried:
        installed = _installed(each)
        if installed is None:
            missing = f"{adapter} needs {each.package}, which is missing: {install}"
            raise ModuleNotFoundError(missing, name=each.module)
        if not _numbers(each.since) <= _numbers(installed) < _numbers(each.before):
            other = f"{adapter} was tried with {each}, and this is {each.package} {installed}: {install}"
            raise UntriedVersion(other, name=each.module)


def _installed(tried: Tried) -> str | None:
    """Give a package's version; None where it is missing, or its module is another project's."""
    from importlib import metadata  # noqa: PLC0415  (takes a tenth of what importing awaitly takes)

    try:
        return metadata.version(tried.package) if find_spec(tried.module) else None
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Give the numbers at the beginning of a version."""
    leading = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, leading[0].split("."))) if leading else ()
