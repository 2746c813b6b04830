"""The pages' own style and script: nothing is loaded from anywhere else."""

from __future__ import annotations

from awaitly_web.pages.rendering import ASSETS, asset
from awaitly_web.problems import problem
from awaitly_web.site import Site
from awaitly_web.values import Call, Response

__all__ = ["one"]


async def one(_: Site, call: Call) -> Response:
    """Give an asset; its address has its digest, so it may be kept."""
    name = call.parts["name"]
    if name not in ASSETS:
        return problem(404, "Not found", "there is nothing here")
    kept = (("content-type", ASSETS[name]), ("cache-control", "public, max-age=31536000, immutable"))
    return Response(headers=kept, body=asset(name))
