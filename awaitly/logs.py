"""What workers log: one line for each event, as pairs of a key and a value. Nothing here configures logging."""

from __future__ import annotations

import json
import logging
import re

__all__ = ["LOGGER", "line"]

LOGGER = logging.getLogger("awaitly.worker")
_PLAIN = re.compile(r"[\w.:/@+#-]+", re.ASCII)


def line(event: str, **fields: object) -> str:
    """Write an event as `event=executed run=r1 seconds=0.012`; what is not plain stands in quotes, escaped."""
    return " ".join(f"{name}={_shown(value)}" for name, value in {"event": event, **fields}.items())


def _shown(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
