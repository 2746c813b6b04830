from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("adapter", "driver"),
    [
        ("webhook", "httpx2"),
        ("email", "aiosmtplib"),
        ("email", "jinja2"),
        ("slack", "httpx2"),
        ("apprise", "apprise"),
    ],
)
def test_a_channel_without_its_driver_says_what_to_install(adapter: str, driver: str) -> None:
    """The command stands in the error, and the error names what is missing."""
    code = f"import sys; sys.modules[{driver!r}] = None\nimport awaitly_{adapter}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ModuleNotFoundError: awaitly_{adapter} needs")
    assert driver in last
    assert last.endswith(f"pip install 'awaitly[{adapter}]'")


HEAVY = ["jinja2", "importlib.resources", "urllib.request", "jwt", "cryptography", "uvicorn", "websockets", "sqlite3"]


def test_importing_the_web_application_loads_nothing_that_an_api_can_do_without() -> None:
    """Neither templates, which come with the first page, nor what fetches keys, nor any server."""
    code = "import sys; known = set(sys.modules); import awaitly_web; print(*(set(sys.modules) - known))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not [name for name in HEAVY if name in done.stdout.split()]


def test_the_web_application_says_at_once_that_it_lacks_what_its_pages_need() -> None:
    """Although templates are imported late."""
    code = "import sys; sys.modules['jinja2'] = None\nimport awaitly_web"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "awaitly_web needs a package that is missing (jinja2): pip install 'awaitly[web]'" in done.stderr


NO_LIBPQ = """
import sys
from importlib.abc import MetaPathFinder

class Broken(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "psycopg":
            raise ImportError("no pq wrapper available: libpq library not found")

sys.meta_path.insert(0, Broken())
"""


def test_a_driver_without_its_library_says_what_to_install() -> None:
    """The extra has brought psycopg, and libpq is not there: one line, and no defect of awaitly's."""
    code = f"{NO_LIBPQ}\nfrom awaitly.cli import main\nmain()"
    words = [sys.executable, "-c", code, "pending", "--store", "postgresql://ann@db/shop"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("awaitly: the store 'postgresql' cannot load its driver: psycopg finds no libpq: ")
    assert "pip install 'psycopg[binary]'" in done.stderr


def test_a_driver_that_fails_otherwise_is_told_in_its_own_words() -> None:
    """What nobody foresaw is not taken for a library that is missing."""
    broken = NO_LIBPQ.replace("libpq library not found", "bad magic")
    code = f"{broken}\nimport awaitly\nawaitly.open_store('postgres://db/x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith(
        "UnknownStore: the store 'postgres' cannot load its driver: no pq wrapper available: bad magic"
    )
