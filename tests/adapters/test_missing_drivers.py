from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("adapter", "driver"),
    [("webhook", "httpx2"), ("email", "aiosmtplib"), ("email", "jinja2"), ("slack", "httpx2"), ("apprise", "apprise")],
)
def test_a_channel_without_its_driver_says_what_to_install(adapter: str, driver: str) -> None:
    """The command stands in the error, and the error names what is missing."""
    code = f"import sys; sys.modules[{driver!r}] = None\nimport awaitly_{adapter}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ModuleNotFoundError: awaitly_{adapter} needs")
    assert driver in last
    assert last.endswith(f"pip install 'awaitly[{adapter}]'")
