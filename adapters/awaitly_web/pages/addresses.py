"""Where pages are. Parts of paths are percent-encoded, for an id may have a slash in it."""

from __future__ import annotations

from urllib.parse import quote

from awaitly_web.values import Request

__all__ = ["approval_at", "link_at", "run_at"]


def approval_at(request: Request, run_id: str, key: str) -> str:
    """Give the address of an approval's page."""
    return f"{run_at(request, run_id)}/approvals/{_part(key)}"


def run_at(request: Request, run_id: str) -> str:
    """Give the address of a run's page."""
    return f"{request.root}/runs/{_part(run_id)}"


def link_at(request: Request, token: str) -> str:
    """Give the address of a link."""
    return f"{request.root}/a/{_part(token)}"


def _part(text: str) -> str:
    return quote(text, safe="")
