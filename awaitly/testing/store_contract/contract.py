"""The contract as one class: its fixtures, and its tests, which stand in a module for each subject."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from awaitly.storage.store import Store
from awaitly.testing.clock import TestClock
from awaitly.testing.store_contract.apart import ApartFacts
from awaitly.testing.store_contract.commits import CommitFacts
from awaitly.testing.store_contract.conflicts import ConflictFacts
from awaitly.testing.store_contract.due import DueFacts
from awaitly.testing.store_contract.due_notices import DueNoticeFacts
from awaitly.testing.store_contract.lifetime import LifetimeFacts
from awaitly.testing.store_contract.loads import LoadFacts
from awaitly.testing.store_contract.notices import NoticeFacts
from awaitly.testing.store_contract.page_approvals import PageApprovalsFacts
from awaitly.testing.store_contract.page_audiences import PageAudiencesFacts
from awaitly.testing.store_contract.page_notices import PageNoticesFacts
from awaitly.testing.store_contract.page_runs import PageRunsFacts
from awaitly.testing.store_contract.prefixes import PrefixFacts
from awaitly.testing.store_contract.races import RaceFacts
from awaitly.testing.store_contract.redactions import RedactionFacts

__all__ = ["StoreContract"]


class StoreContract(
    CommitFacts,
    ConflictFacts,
    LoadFacts,
    RedactionFacts,
    NoticeFacts,
    ApartFacts,
    PageRunsFacts,
    PageApprovalsFacts,
    PageAudiencesFacts,
    PageNoticesFacts,
    PrefixFacts,
    DueFacts,
    DueNoticeFacts,
    RaceFacts,
    LifetimeFacts,
):
    """What every store must do. Subclass it and override the fixture `store`; see the package's documentation."""

    pytestmark = pytest.mark.asyncio

    if not TYPE_CHECKING:  # a fixture that overrides one of these may be async and take any parameters

        @pytest.fixture
        def store(self) -> Store:
            """Override: yield an open store without rows."""
            pytest.fail("override the fixture `store`: it yields an open store without rows")

        @pytest.fixture
        def clock(self) -> TestClock:
            """Override where the store takes a clock: the `TestClock` that `store` was made with."""
            pytest.skip("this store's clock is not ours to move")

        @pytest.fixture
        def reopened(self) -> Callable[[], Awaitable[Store]]:
            """Override where the store persists: an async function that closes `store` and opens its rows again."""
            pytest.skip("this store is not said to persist")
