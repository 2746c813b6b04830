"""Logging, where the command line is the program: the one place of awaitly that configures it."""

from __future__ import annotations

import logging
import sys
import time

__all__ = ["configure_logging"]


class _Lines(logging.Formatter):
    """One line for each event: the time, the level, and what is told."""

    default_msec_format = "%s.%03dZ"
    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def __init__(self) -> None:
        super().__init__("time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s")
        self.converter = time.gmtime


def configure_logging() -> None:
    """Let the process log to its standard error, unless the program has set up its own logging."""
    if not logging.getLogger().handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Lines())
        logging.getLogger().addHandler(handler)
    if logging.getLogger("awaitly").level == logging.NOTSET:
        logging.getLogger("awaitly").setLevel(logging.INFO)
