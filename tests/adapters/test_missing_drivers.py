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
