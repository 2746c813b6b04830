"""What other processes do to the same store: started by the tests as programs."""

from __future__ import annotations

import asyncio
import sys
from itertools import count

from awaitly.result import Ok
from awaitly.testing.rows import changes, entry_row, run_row, step_row
from awaitly_postgres import PostgresStore


async def migrate(url: str, schema: str) -> None:
    """Bring a schema up to date and tell what was to do."""
    sys.stdin.readline()  # so that all begin at once
    print(len(await PostgresStore(url, schema=schema).migrate()))  # noqa: T201  (the answer)


async def race(url: str, namespace: str) -> None:
    """Write version after version of one run, each with a step and an entry, until killed; tell of each that is won."""
    store = PostgresStore(url, namespace=namespace)
    await store.open()
    sys.stdin.readline()
    for _ in count():
        found = await store.load("run")
        version = found.run.version + 1 if found.run else 1
        commit = changes(
            runs=(run_row(version=version),), steps=(step_row(key=str(version)),), entries=(entry_row(seq=version),)
        )
        if await store.commit(commit) == Ok(None):
            print(version, flush=True)  # noqa: T201  (the answer)


if __name__ == "__main__":
    asyncio.run({"migrate": migrate, "race": race}[sys.argv[1]](*sys.argv[2:]))
