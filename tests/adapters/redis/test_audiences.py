from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import cast

import pytest

from awaitly import ApprovalQuery, ApprovalRow, Changes, Hold
from awaitly.testing.rows import T0, approval_row, changes
from awaitly.testing.store_contract.tools import applied, approval_ids, inserted
from awaitly_redis import RedisStore
from awaitly_redis.keys import shard_of
from tests.adapters.redis.asking import asked, beside

SPREAD = [f"run-{n:04}" for n in range(700)]
IN_ONE_SHARD = [name for name in (f"run-{n:05}" for n in range(20_000)) if shard_of(name.encode(), 16) == 3][:700]
NAMES = ("*", "ann", "role:ops")


async def urgent_first(store: RedisStore, run_ids: Sequence[str]) -> list[tuple[str, str]]:
    """Insert an approval for each run, one due a microsecond, and name them by urgency; each waits for two names."""
    rows = [
        approval_row(run_id, deadline=T0 - n, audience=(NAMES[n % 3], NAMES[(n + 1) % 3]), workflow=f"w{n % 350}")
        for n, run_id in enumerate(run_ids)
    ]
    await inserted(store, *rows)
    return [(run_id, "manager") for run_id in reversed(run_ids)]


@pytest.mark.parametrize("run_ids", [SPREAD, IN_ONE_SHARD], ids=["spread", "in-one-shard"])
async def test_an_audience_is_listed_in_order_wherever_its_runs_lie(store: RedisStore, run_ids: Sequence[str]) -> None:
    """Whether chance has spread the runs over the shards, or all of a page comes from one of them."""
    names = await urgent_first(store, run_ids)
    for limit in (1, 50, 650, 1000):
        page = await store.page_approvals(ApprovalQuery(audience=NAMES, limit=limit))
        assert [(row.run_id, row.key) for row in page.items] == names[:limit]
    assert await approval_ids(store, ApprovalQuery(audience=NAMES, limit=90)) == names
    assert (
        await approval_ids(store, ApprovalQuery(audience=("ann",), limit=90))
        == [name for n, name in enumerate(reversed(names)) if n % 3 != 2][::-1]
    )


async def test_a_name_with_few_does_not_outrun_one_with_many(store: RedisStore) -> None:
    """What one name has far ahead is not listed before all that another has in between."""
    rows = [
        approval_row(run_id, deadline=T0 + n, audience=("*",) if n % 10 else ("ann",))
        for n, run_id in enumerate(IN_ONE_SHARD)
    ]
    await inserted(store, *rows)
    names = [(run_id, "manager") for run_id in IN_ONE_SHARD]
    assert await approval_ids(store, ApprovalQuery(audience=("*", "ann"), limit=90)) == names


async def test_few_of_an_audience_are_found_behind_many(store: RedisStore) -> None:
    """A filter that hardly any approval passes finds all that do, however many are looked at in between."""
    names = await urgent_first(store, IN_ONE_SHARD)
    of_workflow = [names[-1 - n] for n in (356, 6)]
    assert await approval_ids(store, ApprovalQuery(audience=NAMES, workflow="w6", limit=1)) == of_workflow
    assert await approval_ids(store, ApprovalQuery(audience=NAMES, workflow="none")) == []


async def test_a_prefix_is_a_filter_of_an_audience_be_it_narrow_or_wide(store: RedisStore) -> None:
    """Whether the runs of a prefix are looked at one by one, or the approvals of a name."""
    names = await urgent_first(store, IN_ONE_SHARD)
    for prefix in ("run-", "run-0", IN_ONE_SHARD[5], "run-00", "none"):
        listed = [name for name in names if name[0].startswith(prefix)]
        assert await approval_ids(store, ApprovalQuery(audience=NAMES, prefix=prefix, limit=70)) == listed


def drawn(random: Random, version: int) -> ApprovalRow:
    """Give some version of an approval."""
    return approval_row(
        key="manager",
        version=version,
        open=random.random() < 0.8,
        asked_at=T0 + random.randrange(3),
        deadline=random.choice([None, T0, T0 + 1]),
        workflow=random.choice(["refund", "payout"]),
        audience=tuple(random.sample(NAMES, random.randrange(4))),
    )


@pytest.mark.parametrize("ending", ["closed", "without-audience", "forgotten"])
async def test_what_has_no_audience_any_more_leaves_no_trace(
    redis_url: str, namespace: str, store: RedisStore, ending: str
) -> None:
    """After any history of an approval, not one place of it is left in the index once it is found by nobody."""
    random = Random(ending)
    await applied(store, *(changes(approvals=(drawn(random, version),)) for version in range(1, 100)))
    row = approval_row(version=100, audience=NAMES)
    endings: dict[str, Changes] = {
        "closed": changes(approvals=(approval_row(version=101, open=False, audience=NAMES),)),
        "without-audience": changes(approvals=(approval_row(version=101),)),
        "forgotten": changes(forgotten=(Hold("run", 0),)),
    }
    await applied(store, changes(approvals=(row,)))
    async with beside(redis_url) as client:
        pattern = f"*:{namespace}}}a"
        (index,) = cast("list[bytes]", await asked(client, "KEYS", pattern))
        assert await asked(client, "ZCARD", index) == len(NAMES)
        await applied(store, endings[ending])
        assert await asked(client, "KEYS", pattern) == []
