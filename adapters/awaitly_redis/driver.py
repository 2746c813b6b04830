"""The connections of `redis.asyncio`: one boundary to its types, for one server and for a cluster alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol, TypeAlias, TypedDict, Unpack, cast

from attrs import define, field, frozen
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from awaitly_redis.errors import Lost

__all__ = ["Client", "Connection", "Link", "Reply", "Server", "link_of", "made_of", "made_ready", "read_reply"]

Client: TypeAlias = "Redis | RedisCluster"
Reply: TypeAlias = "bytes | int | list[Reply] | ResponseError | None"

_NAME = "awaitly"


class Connection(Protocol):
    """What is used of a connection of `redis.asyncio`."""

    async def connect(self) -> None:
        """Connect where it is not."""
        ...

    async def can_read(self) -> bool:
        """Whether something has come that was not asked for, be it the connection's end."""
        ...

    async def send_packed_command(self, command: Iterable[bytes]) -> None:
        """Connect where it is not, and write."""
        ...

    async def read_response(
        self,
        disable_decoding: bool = ...,  # noqa: FBT001  (the driver's own signature)
        timeout: float | None = ...,
        *,
        push_request: bool | None = ...,
    ) -> Reply:
        """Read one reply; None where a given `timeout` is over."""
        ...

    async def disconnect(self, nowait: bool = ...) -> None:  # noqa: FBT001  (the driver's own signature)
        """End it."""
        ...


class _Pool(Protocol):
    async def get_connection(self) -> Connection: ...
    async def release(self, connection: Connection) -> None: ...


class _Node(Protocol):
    name: str

    def acquire_connection(self) -> Connection: ...
    async def disconnect_if_needed(self, connection: Connection) -> None: ...
    def release(self, connection: Connection) -> None: ...


class _Topology(Protocol):
    async def initialize(self) -> None: ...


class _Cluster(Protocol):
    nodes_manager: _Topology

    async def initialize(self) -> object: ...
    def get_node_from_key(self, key: str) -> _Node: ...
    def get_primaries(self) -> list[_Node]: ...
    async def aclose(self) -> None: ...


class Server(Protocol):
    """What is used of a `Redis`."""

    connection_pool: _Pool

    def get_connection_kwargs(self) -> dict[str, object]:
        """Give the settings of its connections."""
        ...

    async def aclose(self) -> None:
        """Close it."""
        ...


class _Settings(TypedDict):
    retry: Retry
    client_name: str
    protocol: int
    socket_timeout: None  # lanes have a limit of their own, for a batch as a whole


class _Maker(Protocol):
    def from_url(self, url: str, **settings: Unpack[_Settings]) -> Redis: ...


class Link(Protocol):
    """A way to the server, or to each master of a cluster."""

    @property
    def keeps(self) -> bool:
        """Whether the client is ours, and so are all its connections."""
        ...

    @property
    def clustered(self) -> bool:
        """Whether shards may lie on several servers."""
        ...

    @property
    def database(self) -> int:
        """The number of the database."""
        ...

    async def begin(self) -> None:
        """Find out which servers there are."""
        ...

    def place(self, base: bytes) -> str:
        """Name the server that has a shard's keys."""
        ...

    def places(self) -> tuple[str, ...]:
        """Name all servers."""
        ...

    async def take(self, place: str) -> Connection:
        """Take a connection to a server."""
        ...

    async def give(self, place: str, connection: Connection) -> None:
        """Give a connection back; one that is not at rest must have been ended."""
        ...

    async def refresh(self) -> None:
        """Find out anew which servers there are."""
        ...

    async def close(self) -> None:
        """Close the client, if it is ours."""
        ...


@frozen
class _Single:
    """One server."""

    _client: Server
    keeps: bool
    clustered: bool = False

    @property
    def database(self) -> int:
        number = self._client.get_connection_kwargs().get("db")
        return int(str(number or 0))

    async def begin(self) -> None:
        pass

    def place(self, base: bytes) -> str:  # noqa: ARG002  (there is but one)
        return ""

    def places(self) -> tuple[str, ...]:
        return ("",)

    async def take(self, place: str) -> Connection:  # noqa: ARG002  (there is but one)
        return await self._client.connection_pool.get_connection()

    async def give(self, place: str, connection: Connection) -> None:  # noqa: ARG002  (there is but one)
        await self._client.connection_pool.release(connection)

    async def refresh(self) -> None:
        pass

    async def close(self) -> None:
        if self.keeps:
            await self._client.aclose()


@define
class _Clustered:
    """The masters of a cluster; a shard's master is looked up again after each `refresh`."""

    _client: _Cluster
    keeps: bool
    clustered: bool = True
    database: int = 0
    _taken: dict[int, _Node] = field(factory=dict[int, _Node])

    async def begin(self) -> None:
        await self._client.initialize()

    def place(self, base: bytes) -> str:
        return self._client.get_node_from_key(base.decode()).name

    def places(self) -> tuple[str, ...]:
        return tuple(node.name for node in self._client.get_primaries())

    async def take(self, place: str) -> Connection:
        for node in self._client.get_primaries():
            if node.name == place:
                connection = node.acquire_connection()
                self._taken[id(connection)] = node
                await node.disconnect_if_needed(connection)
                return connection
        raise Lost(f"the cluster has no master {place} any more")

    async def give(self, place: str, connection: Connection) -> None:  # noqa: ARG002  (its node may have gone)
        self._taken.pop(id(connection)).release(connection)

    async def refresh(self) -> None:
        await self._client.nodes_manager.initialize()

    async def close(self) -> None:
        if self.keeps:
            await self._client.aclose()


def made_of(url: str, *, clustered: bool) -> Client:
    """Make a client of our own. It sends nothing twice by itself: what is sent again carries its number."""
    retry = Retry(NoBackoff(), 0)
    settings = _Settings(retry=retry, client_name=_NAME, protocol=2, socket_timeout=None)
    if clustered:
        return RedisCluster.from_url(url, require_full_coverage=False, **settings)
    return cast("_Maker", Redis).from_url(url, **settings)


def link_of(client: Client, *, ours: bool) -> Link:
    """Give the way through a client."""
    if isinstance(client, RedisCluster):
        return _Clustered(cast("_Cluster", client), ours)
    return _Single(cast("Server", client), ours)


async def made_ready(connection: Connection) -> None:
    """Connect where need be, so that a server that is not there shows before anything is sent."""
    await connection.connect()
    if await connection.can_read():  # its end, most likely: nothing else comes unasked
        await connection.disconnect(nowait=True)
        await connection.connect()


async def read_reply(connection: Connection, wait: float | None = None) -> Reply:
    """Read the next reply; an error that the server answers with is given back. Raises what ends the connection.

    `wait` is how many seconds a command that blocks may take, where that is more than the client's own limit.
    """
    try:
        reply = await connection.read_response(disable_decoding=True, timeout=wait)
    except ResponseError as error:
        return error
    if reply is None and wait is not None and wait != math.inf:
        await connection.disconnect(nowait=True)
        raise Lost(f"no answer within {wait:g} s")
    return reply
