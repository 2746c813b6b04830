"""A magazine in Django, and the inbox beside it in one ASGI program: `uvicorn django_app.asgi:application`."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")
pages = get_asgi_application()

from starlette.applications import Starlette  # noqa: E402  (Django is set up first)
from starlette.routing import Mount  # noqa: E402  (the same)

from awaitly_web import Permission, by_roles, web_app  # noqa: E402  (the same)

from .bridge import authenticate  # noqa: E402  (the same)
from .publishing import orchestrator  # noqa: E402  (the same)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[None]:
    async with orchestrator:
        yield


inbox = web_app(orchestrator, authenticate=authenticate, permits=by_roles({"editors": [Permission.DECIDE]}))
application = Starlette(lifespan=lifespan, routes=[Mount("/approvals", inbox), Mount("/", pages)])
