"""The names of keys. Those of one shard share a hash tag, so that one script may use them on a cluster too.

    {awaitly:<shard>:<length>:<namespace>}<kind><run id>

The length, that of the namespace in bytes, tells where it ends, whatever is in it; what may hold anything stands last.
The shard stands ahead of the namespace: a `}` within that cuts the tag short, and the shards still lie in different
slots.
"""

from __future__ import annotations

from zlib import crc32

from attrs import field, frozen

__all__ = ["META", "Keys", "base_of", "channel_of", "shard_of"]

META = "meta"
"""Stands where a shard's number would, for what is said about the whole namespace."""


def base_of(namespace: str, shard: int | str) -> bytes:
    """Give what all keys of a shard begin with."""
    name = namespace.encode()
    return b"{awaitly:%b:%d:%b}" % (str(shard).encode(), len(name), name)


def channel_of(namespace: str, database: int) -> bytes:
    """Give the channel for hints about a namespace; all databases of a server share its channels."""
    name = namespace.encode()
    return b"awaitly:%d:%d:%b" % (database, len(name), name)


def shard_of(run_id: bytes, shards: int) -> int:
    """Give the shard that a run lies in, the same for ever."""
    return crc32(run_id) % shards


def _bases(keys: Keys) -> tuple[bytes, ...]:
    return tuple(base_of(keys.namespace, shard) for shard in range(keys.shards))


@frozen
class Keys:
    """The keys of a namespace."""

    namespace: str
    shards: int
    bases: tuple[bytes, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "bases", _bases(self))

    def run(self, run_id: bytes) -> bytes:
        """Give the key of a run's hash."""
        return self.bases[shard_of(run_id, self.shards)] + b"r" + run_id

    def notices(self, run_id: bytes) -> bytes:
        """Give the key of the hash of a run's notices."""
        return self.bases[shard_of(run_id, self.shards)] + b"t" + run_id
