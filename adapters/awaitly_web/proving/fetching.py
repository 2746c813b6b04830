"""Getting an identity provider's keys, by the standard library. Imported when keys are first fetched: it is heavy."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import Any

__all__ = ["fetched"]

_LARGEST_SET = 256 * 1024
_PATIENCE = 5.0


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it could lead to plain HTTP."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Go nowhere else."""


async def fetched(url: str) -> bytes:
    """Get a document in a thread; nothing larger than a set of keys is. Raises `ValueError`, and `OSError`."""

    def get() -> bytes:
        with urllib.request.build_opener(_Straight).open(url, timeout=_PATIENCE) as answer:
            content: bytes = answer.read(_LARGEST_SET + 1)
        return content

    content = await asyncio.to_thread(get)
    if len(content) > _LARGEST_SET:
        msg = "the set of keys is too large"
        raise ValueError(msg)
    return content
