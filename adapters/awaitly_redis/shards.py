"""An open namespace: its keys, and the way to the servers that have them."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from attrs import frozen

from awaitly_redis.core import Entry, Found, StoreCorrupt
from awaitly_redis.driver import Reply
from awaitly_redis.keys import Keys, shard_of
from awaitly_redis.packing import parts_of
from awaitly_redis.reading import LOAD, entries_in, found_in
from awaitly_redis.scripts import Script
from awaitly_redis.wire import Wire

__all__ = ["Shards", "as_bytes"]


def as_bytes(reply: Reply) -> bytes:
    """Give a reply that must be text. Raises `StoreCorrupt` where it is anything else."""
    if isinstance(reply, bytes):
        return reply
    raise StoreCorrupt(f"a script of awaitly was answered by {reply!r}; check what stands between here and the server")


@frozen(eq=False)
class Shards:
    """Where the rows of a namespace lie. `clock`, where given, is asked in place of the server's."""

    keys: Keys
    wire: Wire
    clock: Callable[[], int] | None

    def base(self, run_id: bytes) -> bytes:
        """Give what the keys of a run's shard begin with."""
        return self.keys.bases[shard_of(run_id, self.keys.shards)]

    def bundles(self) -> Sequence[Sequence[bytes]]:
        """Group the shards so that one script may go over all of a group."""
        bases = self.keys.bases
        return [(base,) for base in bases] if self.wire.link.clustered else [bases]

    def bundle_of(self, run_id: bytes) -> bytes:
        """Give the first shard of the group that a run's belongs to."""
        return self.base(run_id) if self.wire.link.clustered else self.keys.bases[0]

    async def named(self, by: Script, index: bytes, arguments: Sequence[bytes]) -> list[bytes]:
        """Ask all shards by a script that goes over an index, and give what each of them names."""
        replies = await asyncio.gather(
            *(self.wire.ask(bases[0], by.call([base + index for base in bases], arguments)) for bases in self.bundles())
        )
        return [part for reply in replies for part in parts_of(as_bytes(reply))]

    async def read(self, run_id: str, what: bytes) -> bytes:
        """Read a run: `all`, `approvals` or `entries`."""
        name = run_id.encode()
        base = self.base(name)
        return as_bytes(await self.wire.ask(base, LOAD.call((base + b"r" + name,), (what,))))

    async def load(self, run_id: str, what: bytes) -> Found:
        """Read a run: `all`, or its `approvals`. Raises `StoreCorrupt` where that is not as awaitly writes it."""
        reply = await self.read(run_id, what)
        with self.sound(run_id):
            return found_in(run_id, reply, self.clock)

    async def entries(self, run_id: str) -> tuple[Entry, ...]:
        """Read a run's ledger. Raises `StoreCorrupt` as above."""
        reply = await self.read(run_id, b"entries")
        with self.sound(run_id):
            return entries_in(run_id, reply)

    @contextmanager
    def sound(self, run_id: str) -> Generator[None]:
        """Say of which run something within could not be read."""
        try:
            yield
        except (struct.error, ValueError, LookupError) as error:
            raise StoreCorrupt(
                f"the store {self.wire.where}: what is kept of run {run_id!r} is not as awaitly writes it ({error}); "
                "look who else writes there, and restore a backup"
            ) from error
