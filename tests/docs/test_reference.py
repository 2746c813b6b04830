from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
ADAPTERS = [folder.name for folder in sorted((ROOT / "adapters").glob("awaitly_*"))]
DIRECTIVE = re.compile(r"^\.\. (?:auto[a-z]+|py:class):: (?P<name>[\w.]+)", re.MULTILINE)
NAMED = Counter(name for page in PAGES for name in DIRECTIVE.findall(page.read_text("utf-8")))


@pytest.mark.parametrize("package", ["awaitly", "awaitly.sync", "awaitly.testing", *ADAPTERS])
def test_the_reference_has_each_public_name_once(package: str) -> None:
    """What a package exports stands on one page of the reference, and on no second one."""
    exported: list[str] = importlib.import_module(package).__all__
    assert {name: NAMED[f"{package}.{name}"] for name in exported} == dict.fromkeys(exported, 1)


def test_the_reference_has_nothing_else() -> None:
    """Each name of the reference can be imported as it stands there, or is a module."""
    for name in NAMED:
        module, _, attribute = name.rpartition(".")
        assert attribute in getattr(importlib.import_module(module), "__all__", ()) or importlib.import_module(name)
