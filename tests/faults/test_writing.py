from __future__ import annotations

from collections import Counter

import pytest
from attrs import frozen

from tests.faults.tally import TALLY
from tests.faults.writing import GUARD, PROTOCOL, STORES, here, unguarded, writes


def test_every_write_stands_between_two_failpoints() -> None:
    """In the package and in each adapter that is a store; and the look finds what is to be found."""
    sources = here()
    past, found = unguarded(sources), writes(sources)
    for write in found:
        TALLY.check("a write stands between two failpoints", not past, (write, past))
    of = Counter(write.path.split("/")[0 if write.path.startswith("awaitly/") else 1] for write in found)
    assert set(of) == {"awaitly", *STORES}
    assert min(of.values()) >= 2
    assert of["awaitly"] >= 30


@frozen
class Plant:
    """What somebody changes in a source, and what the look says then."""

    path: str
    old: str
    new: str
    noticed: str


STORE = "    async def commit(self, changes: Changes)"
PLANTS = {
    "a second writing method": Plant(
        PROTOCOL,
        STORE,
        f"    async def forget(self, run_id: str) -> None: ...\n\n{STORE}",
        "no failpoint stands around Store.forget",
    ),
    "a failpoint less": Plant(
        GUARD,
        '        await self._failpoints.reach(f"{changes.move.value}.after")\n',
        "",
        "no failpoint stands around Store.commit",
    ),
    "a commit to a store of its own": Plant(
        "awaitly/verbs/outbox.py",
        "self._store.commit(written)",
        "open_store(self._url).commit(written)",
        "awaitly/verbs/outbox.py",
    ),
    "a commit past the wrapper": Plant(
        "awaitly/verbs/outbox.py", "self._store.commit(written)", "self._store._store.commit(written)", "_store._store"
    ),
    "a commit without a name": Plant(
        "awaitly/notifying/courier.py", "move=Move.SENT", "move=Move(made_up)", "changes without a move of their own"
    ),
    "a question that tidies up": Plant(
        "adapters/awaitly_sqlite/store.py",
        "    async def commit(",
        '    async def tidied(self) -> None:\n        self._here().writer._db.execute("DELETE FROM steps")\n\n'
        "    async def commit(",
        "DELETE FROM, by tidied",
    ),
    "a script that writes as it reads": Plant(
        "adapters/awaitly_redis/lua/load.lua", "'HGETALL'", "'HDEL'", "lua/load.lua:1 HDEL, by"
    ),
    "a query that writes as it reads": Plant(
        "adapters/awaitly_postgres/queries/due.sql",
        "SELECT run_id FROM (",
        "UPDATE {schema}.runs SET due_at = NULL; SELECT run_id FROM (",
        "queries/due.sql:1 UPDATE {schema}.runs SET, by",
    ),
    "a function that writes, called as one reads": Plant(
        "adapters/awaitly_postgres/store.py",
        "    async def commit(",
        '    async def applied(self) -> None:\n        await self._ask(f"SELECT {self._schema}.apply(1)")\n\n'
        "    async def commit(",
        "apply(), by applied",
    ),
    "a half of its own": Plant(
        "adapters/awaitly_split/committing.py",
        "return await self._state.commit(changes)",
        "return await Mirror(self._state).commit(changes)",
        "Mirror(self._state)",
    ),
}


@pytest.mark.parametrize("planted", PLANTS)
def test_a_write_past_the_failpoints_is_found(planted: str) -> None:
    """Whether it is a call, a statement, a script, or a method that nobody has put failpoints around."""
    plant, sources = PLANTS[planted], here()
    assert plant.old in sources[plant.path]
    found = unguarded({**sources, plant.path: sources[plant.path].replace(plant.old, plant.new, 1)})
    assert any(plant.noticed in line for line in found), found
