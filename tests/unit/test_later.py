"""Names that `awaitly` gives when they are first asked for."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

import awaitly


def run(code: str) -> str:
    """Run code in a process of its own, where nothing has been asked for yet, and give what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_all_can_be_imported_at_once() -> None:
    """`from awaitly import *` gives everything that is exported."""
    code = "from awaitly import *; import awaitly; print(set(awaitly.__all__) - set(globals()))"
    assert run(code) == "set()"


def test_dir() -> None:
    """A console completes names which nobody has asked for yet, and `dir` names none that is not there."""
    assert run("import awaitly; print('Gate' in vars(awaitly), 'Gate' in dir(awaitly))") == "False True"
    assert set(awaitly.__all__) <= set(dir(awaitly))
    assert all(hasattr(awaitly, name) for name in dir(awaitly))


def test_the_same_each_time() -> None:
    """A name stands for one object, wherever it is taken from, and is kept once it was asked for."""
    code = "import awaitly; first = awaitly.Gate; from awaitly.gating.gate import Gate as own"
    assert run(f"{code}; print(first is own is awaitly.Gate is vars(awaitly)['Gate'])") == "True"


def test_no_such_name() -> None:
    """A name that is not there is refused in the words of Python, so that it can suggest another one."""
    with pytest.raises(AttributeError, match="module 'awaitly' has no attribute 'Gatee'") as caught:
        _ = awaitly.Gatee  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    assert (caught.value.name, caught.value.obj) == ("Gatee", awaitly)
    with pytest.raises(ImportError, match="cannot import name 'Gatee' from 'awaitly'"):
        exec("from awaitly import Gatee")  # noqa: S102  (type checkers would refuse it)


def test_modules_are_still_found() -> None:
    """A module that nobody has imported is found as one."""
    assert run("from awaitly import gating; print(gating.__name__)") == "awaitly.gating"


def test_pickled_values_bring_what_they_need() -> None:
    """A value whose class nobody has asked for yet comes out of its pickle."""
    text = pickle.dumps(awaitly.ToolRule(tools=["pay_*"], ruling=awaitly.Allow()))
    assert "ToolRule" in run(f"import awaitly, pickle; print(repr(pickle.loads({text!r})))")
