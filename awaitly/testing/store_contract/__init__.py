"""The tests that every store must pass, for authors of stores.

Subclass `StoreContract` in a test module, under a name that begins with `Test`, and override the fixture `store`:

    class TestMyStore(StoreContract):
        @pytest_asyncio.fixture
        async def store(self) -> AsyncIterator[Store]:
            store = MyStore(...)
            await store.open()
            yield store
            await store.close()

It yields an open store without rows. Two more fixtures are optional, and tests that need them are skipped without:

* `clock`, for a store that can be made with a clock: return a `TestClock`, and let `store` make the store with it. A
  store that uses its server's clock leaves it alone; then no test needs the clock to move.
* `reopened`, for a store that persists: return an async function that closes `store` and gives another, open one over
  the same rows.

Stores that can do more have two more contracts, which stand beside it, in test classes of their own:

* `WakingContract`, for a store that tells other processes of commits (`awaitly.Waking`), with the fixtures `store` and
  `another`, a second store over the same data.
* `NamespaceContract`, for a store that keeps several namespaces on one server, with the fixture `pair`: two stores in
  different namespaces. Let it run for several pairs of names, such as `a` with `ab`, with `a:b` and with `a{b}`.

The tests need pytest-asyncio, and run in its auto mode and in its strict mode.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    f"{__name__}.apart",
    f"{__name__}.commits",
    f"{__name__}.conflicts",
    f"{__name__}.due",
    f"{__name__}.due_notices",
    f"{__name__}.lifetime",
    f"{__name__}.loads",
    f"{__name__}.namespaces",
    f"{__name__}.notices",
    f"{__name__}.page_approvals",
    f"{__name__}.page_audiences",
    f"{__name__}.page_notices",
    f"{__name__}.page_runs",
    f"{__name__}.prefixes",
    f"{__name__}.races",
    f"{__name__}.redactions",
    f"{__name__}.tools",
    f"{__name__}.waking",
)

# After the line above, or it is lost:
from awaitly.testing.store_contract.contract import StoreContract  # noqa: E402
from awaitly.testing.store_contract.namespaces import NamespaceContract, Pair  # noqa: E402
from awaitly.testing.store_contract.waking import WakingContract, WakingStore  # noqa: E402

__all__ = ["NamespaceContract", "Pair", "StoreContract", "WakingContract", "WakingStore"]
