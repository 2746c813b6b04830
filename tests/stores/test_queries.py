from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from awaitly.storage.store import ApprovalQuery, RunQuery

Query = RunQuery | ApprovalQuery


@pytest.mark.parametrize("kind", [RunQuery, ApprovalQuery])
@pytest.mark.parametrize("limit", [0, -1, -50])
def test_a_page_of_nothing_cannot_be_asked_for(kind: Callable[..., Query], limit: int) -> None:
    """A `limit` below 1 is a mistake of the caller, which no store gets to see; the message names it."""
    with pytest.raises(ValueError, match=f"'limit' must be >= 1: {limit}"):
        kind(limit=limit)
    with pytest.raises(ValueError, match="'limit'"):
        evolve(kind(), limit=limit)


@pytest.mark.parametrize("kind", [RunQuery, ApprovalQuery])
def test_a_page_may_have_one_item(kind: Callable[..., Query]) -> None:
    """The smallest page is of one; nothing bounds it from above."""
    assert kind(limit=1).limit == 1
    assert kind(limit=10**6).limit == 10**6
