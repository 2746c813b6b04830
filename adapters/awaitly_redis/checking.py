"""What is looked at before a store is used: whether the server keeps what it is given, and whose keys stand there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from attrs import frozen
from redis.exceptions import NoPermissionError

from awaitly_redis.acknowledging import Acknowledge
from awaitly_redis.core import NotAStore, SchemaTooNew, SchemaTooOld, StoreForbidden, StoreReadOnly, StoreUnsuitable
from awaitly_redis.errors import foreign
from awaitly_redis.keys import META, Keys, base_of, channel_of
from awaitly_redis.scripts import packed, script
from awaitly_redis.shards import Shards, as_bytes
from awaitly_redis.wire import Wire

__all__ = ["DEFAULT_SHARDS", "LAYOUT", "Demands", "check_server", "keys_of"]

LAYOUT = 4
"""The number of the way in which keys are laid out; a release that changes it counts on."""

DEFAULT_SHARDS = 16

_OPEN = script("open")
_KINDS = script("kinds")
_INFO = packed((b"INFO",))
_OLDEST = (6, 2)
_OLDEST_FSYNC = (7, 2)
_PARTS = 2


@frozen(kw_only=True)
class Demands:
    """What a store asks of its server."""

    namespace: str
    shards: int | None
    allow_volatile: bool
    acknowledge: Acknowledge | None


async def check_server(wire: Wire, demands: Demands) -> None:
    """Look at each server. Raises `StoreUnsuitable`, `StoreReadOnly`, `StoreForbidden`, each with its cure."""
    for place in wire.link.places():
        try:
            reply = await wire.ask_at(place, _INFO)
        except StoreForbidden as error:
            _refused_info(wire, demands, error)
        else:
            _Facts(wire, demands, _facts(as_bytes(reply).decode(errors="replace"))).check()


def _refused_info(wire: Wire, demands: Demands, error: StoreForbidden) -> None:
    """Go on without having looked, where nothing but that was refused and nothing is asked of the server."""
    if not isinstance(error.__cause__, NoPermissionError) or "'info'" not in str(error.__cause__):
        raise error
    if not demands.allow_volatile or demands.acknowledge is not None:
        raise StoreForbidden(
            f"the store {wire.where}: this user may not run INFO, so it cannot be checked whether the server keeps "
            "what it is given; allow it (ACL SETUSER ... +info), or pass allow_volatile=True if you know"
        ) from error


def _facts(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, colon, value in lines if colon}


@frozen
class _Facts:
    """What a server says of itself."""

    wire: Wire
    demands: Demands
    facts: Mapping[str, str]

    def check(self) -> None:
        """Raise where it will not do."""
        self._check_release(_OLDEST, "awaitly")
        if self.facts.get("cluster_enabled") == "1" and not self.wire.link.clustered:
            raise self._unsuitable("this is a node of a cluster; write redis+cluster:// or pass a RedisCluster")
        if self.facts.get("role") == "slave":
            raise StoreReadOnly(f"the store {self.wire.where}: this server is a replica; name the master")
        if self.demands.acknowledge is not None and self.demands.acknowledge.fsync:
            self._check_release(_OLDEST_FSYNC, "Acknowledge(fsync=True), which uses WAITAOF,")
        if not self.demands.allow_volatile:
            self._check_keeping()

    def _check_release(self, oldest: tuple[int, int], what: str) -> None:
        release = self.facts.get("redis_version", "0.0")
        numbers = tuple(int(part) for part in release.split(".")[:_PARTS] if part.isdecimal())
        if numbers < oldest:
            needed = ".".join(map(str, oldest))
            raise self._unsuitable(f"the server is Redis {release}; {what} needs {needed} or newer: upgrade it")

    def _check_keeping(self) -> None:
        cures: list[str] = []
        if self.facts.get("aof_enabled") != "1":
            cures.append("appendonly yes")
        policy = self.facts.get("maxmemory_policy", "unknown")
        if policy != "noeviction":
            cures.append("maxmemory-policy noeviction")
        if cures:
            lines = " and ".join(f"`{cure}`" for cure in cures)
            sets = ", ".join(f"`CONFIG SET {cure}`" for cure in cures)
            raise self._unsuitable(
                f"the server may lose what it has acknowledged (append-only file: "
                f"{'on' if self.facts.get('aof_enabled') == '1' else 'off'}, maxmemory-policy: {policy}); put {lines} "
                f"into redis.conf, or run {sets} and CONFIG REWRITE; allow_volatile=True takes it as it is"
            )

    def _unsuitable(self, reason: str) -> StoreUnsuitable:
        return StoreUnsuitable(f"the store {self.wire.where}: {reason}")


async def keys_of(wire: Wire, demands: Demands) -> Keys:
    """Find the namespace, or make it. Raises `NotAStore`, `SchemaTooNew`, `SchemaTooOld` or `StoreUnsuitable`."""
    base = base_of(demands.namespace, META)
    wanted = DEFAULT_SHARDS if demands.shards is None else demands.shards
    channel = channel_of(demands.namespace, wire.link.database)
    call = _OPEN.call((base, base + b"t"), (b"%d" % LAYOUT, b"%d" % wanted, channel))
    match await wire.ask(base, call, writes=True):
        case [bytes(layout), bytes(shards)] if layout.isdigit() and shards.isdigit():
            keys = Keys(demands.namespace, _checked(wire, demands, int(layout), int(shards)))
        case _:
            raise foreign(wire.where, base)
    await _check_kinds(wire, keys)
    return keys


def _checked(wire: Wire, demands: Demands, layout: int, shards: int) -> int:
    if layout > LAYOUT:
        raise SchemaTooNew(
            f"the store {wire.where}: a newer release of awaitly wrote it (its layout is {layout}, here is {LAYOUT}); "
            "upgrade awaitly"
        )
    if layout < LAYOUT:
        raise SchemaTooOld(
            f"the store {wire.where}: an awaitly from before its first release wrote it (its layout is {layout}, here "
            f"is {LAYOUT}); take another namespace, and delete this one's keys once nothing in it is wanted"
        )
    if shards < 1:
        raise NotAStore(f"the store {wire.where}: it says that it has {shards} shards; take another namespace")
    if demands.shards not in {None, shards}:
        raise StoreUnsuitable(
            f"the store {wire.where}: this namespace was made with {shards} shards, which is for good; leave "
            f"`shards` out instead of asking for {demands.shards}, or take another namespace"
        )
    return shards


async def _check_kinds(wire: Wire, keys: Keys) -> None:
    shards = Shards(keys, wire, None)
    replies = await asyncio.gather(
        *(wire.ask(bases[0], _KINDS.call([base + b"l" for base in bases], ())) for bases in shards.bundles())
    )
    for key in map(as_bytes, replies):
        if key:
            raise foreign(wire.where, key)
