"""Installing a server's packages, where that can be done without asking anybody: as root of a Debian."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["can_install", "install"]

_POLICY = Path("/usr/sbin/policy-rc.d")
_UNASKED = {"DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NOWARNINGS": "yes"}


def can_install() -> bool:
    """Whether this user is root of a Debian."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str]) -> None:
    """Install packages; no service of theirs is started. Raises `CalledProcessError` where that fails."""
    print(f"Installing {' '.join(packages)} by apt-get ...", flush=True)  # noqa: T201  (whoever waits wants to know)
    with _no_services():
        _apt_get("update")
        _apt_get("install", "-y", "--no-install-recommends", *packages)


@contextmanager
def _no_services() -> Generator[None]:
    """Forbid packages to start what they bring, as Debian lets one do it."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _apt_get(*words: str) -> None:
    subprocess.run(["apt-get", "-qq", *words], check=True, stdout=subprocess.DEVNULL, env=os.environ | _UNASKED)
