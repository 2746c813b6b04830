"""Django's sign-in says who calls below /approvals too, and its groups are the roles."""

from importlib import import_module
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from awaitly import Actor
from awaitly_web import Request

sessions = import_module(settings.SESSION_ENGINE)


def actor_of(user: object) -> Actor:
    found: Any = user
    return Actor(found.get_username(), found.groups.values_list("name", flat=True), via="django")


def signed_in(cookie: str) -> Actor | None:
    asked = HttpRequest()
    asked.session = sessions.SessionStore(cookie)
    user = get_user(asked)
    return actor_of(user) if user.is_authenticated else None


async def authenticate(request: Request) -> Actor | None:
    cookie = request.cookie(settings.SESSION_COOKIE_NAME)
    return await sync_to_async(signed_in)(cookie) if cookie else None
