"""What a server tells everybody of its lists and resources, for those who listen."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

import mcp_types as types
from mcp import MCPError
from mcp.client import IncomingMessage
from mcp.server.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

__all__ = ["Listener", "News", "event_of", "is_wanted"]


def event_of(message: IncomingMessage) -> ServerEvent | None:
    """Give what a message tells of lists and resources; None where it tells something else."""
    match message:
        case types.ToolListChangedNotification():
            return ToolsListChanged()
        case types.PromptListChangedNotification():
            return PromptsListChanged()
        case types.ResourceListChangedNotification():
            return ResourcesListChanged()
        case types.ResourceUpdatedNotification():
            return ResourceUpdated(str(message.params.uri))
        case _:
            return None


def is_wanted(event: ServerEvent, wanted: types.SubscriptionFilter) -> bool:
    """Whether somebody asked for news of this kind, and of this resource."""
    match event:
        case ToolsListChanged():
            return wanted.tools_list_changed is True
        case PromptsListChanged():
            return wanted.prompts_list_changed is True
        case ResourcesListChanged():
            return wanted.resources_list_changed is True
        case ResourceUpdated(uri=uri):
            return uri in (wanted.resource_subscriptions or ())


class Listener:
    """Somebody who listens, and what has not been told them yet: each piece of news once."""

    def __init__(self, wanted: types.SubscriptionFilter) -> None:
        self._wanted = wanted
        self._untold: dict[ServerEvent, None] = {}
        self._come = asyncio.Event()
        self._over = False

    def end(self) -> None:
        """Say that nothing more comes."""
        self._over = True
        self._come.set()

    def hear(self, event: ServerEvent) -> None:
        """Keep what is wanted."""
        if is_wanted(event, self._wanted):
            self._untold[event] = None
            self._come.set()

    async def next(self) -> ServerEvent:
        """Give the next piece of news, once there is one. Raises `MCPError` where no more comes."""
        while not self._untold:
            if self._over:
                raise MCPError(types.INTERNAL_ERROR, "the connection to the server is lost: listen again")
            self._come.clear()
            await self._come.wait()
        event = next(iter(self._untold))
        del self._untold[event]
        return event


class News:
    """Tells whoever listens."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    def tell(self, event: ServerEvent) -> None:
        """Tell all."""
        for each in self._listeners:
            each.hear(event)

    def end(self) -> None:
        """Tell all that nothing more comes."""
        for each in self._listeners:
            each.end()

    @contextmanager
    def listening(self, wanted: types.SubscriptionFilter) -> Generator[Listener]:
        """Listen meanwhile."""
        listener = Listener(wanted)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
