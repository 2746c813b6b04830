"""Several ways to prove who calls, one after the other."""

from __future__ import annotations

from awaitly_web.core import Actor
from awaitly_web.site import Authenticate
from awaitly_web.values import Request

__all__ = ["first_of"]


def first_of(*ways: Authenticate) -> Authenticate:
    """Give the actor whom the first of these ways knows. What one of them raises lets nobody in."""

    async def authenticate(request: Request) -> Actor | None:
        for way in ways:
            actor = await way(request)
            if actor is not None:
                return actor
        return None

    return authenticate
