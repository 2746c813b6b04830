"""Paths as they were sent, percent-encoded, and where the application stands in them."""

from __future__ import annotations

from urllib.parse import unquote

__all__ = ["relative"]


def relative(path: str, root: str) -> tuple[str, str]:
    """Split a path as it was sent into where the application is mounted, and the rest.

    `root` is not encoded. A path without it in front comes from a proxy that has already taken it away.
    """
    count = root.strip("/").count("/") + 1 if root.strip("/") else 0
    parts = path.split("/")
    front, rest = "/".join(parts[: count + 1]), "/".join(parts[count + 1 :])
    if count and unquote(front) == root.rstrip("/"):
        return front, f"/{rest}"
    return root.rstrip("/"), path if path.startswith("/") else f"/{path}"
