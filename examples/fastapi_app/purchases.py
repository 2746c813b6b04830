"""What happens to a wish: small ones are ordered at once, a lead decides on the others."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Annotated, TypeAlias

from attrs import frozen

from awaitly import Bounds, Err, NotApproved, Ok, Orchestrator, Policy, Result, Run, open_store, workflow

CENT = Decimal("0.01")
NEEDS_NOBODY = Decimal(100)
LARGEST = Decimal(100_000)


@frozen
class Wish:
    item: str
    price: Decimal
    why: str


@frozen
class Order:
    number: int
    item: str
    price: Decimal

    def __str__(self) -> str:
        return f"ordered for {self.price}, as order {self.number}"


@frozen
class SoldOut:
    item: str

    def __str__(self) -> str:
        return f"{self.item} is sold out"


PurchaseError: TypeAlias = SoldOut | NotApproved


class Shop:
    """Stands in for a supplier: an order that is sent again under the same key is made once."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def order(self, wish: Wish, price: Decimal, key: str) -> Result[Order, SoldOut]:
        if "unobtainium" in wish.item.casefold():
            return Err(SoldOut(wish.item))
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, key UNIQUE, item, price)")
            line = (key, wish.item, str(price))
            database.execute("INSERT INTO orders (key, item, price) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", line)
            (number,) = database.execute("SELECT number FROM orders WHERE key = ?", (key,)).fetchone()
        return Ok(Order(number, wish.item, price))


shop = Shop(Path("orders.db"))


@workflow
async def purchase(run: Run[PurchaseError], wish: Wish) -> Result[Order, PurchaseError]:
    price = wish.price
    if price > NEEDS_NOBODY:
        price = await run.approval(
            "lead",
            proposes=price,
            schema=Annotated[Decimal, Bounds(gt=0, le=price, multiple_of=CENT)],
            summary=f"Buy {wish.item} for {price}",
            reason=wish.why,
            policy=Policy(approvers=["role:lead"], expires_in="14d", remind_every="2d"),
        )
    return Ok(await run.step(shop.order, wish, price, run.idempotency_key))


def orchestrator() -> Orchestrator:
    """Make what the web process and the worker each open for themselves, over the same store."""
    return Orchestrator(open_store("sqlite:///approvals.db"), workflows=[purchase])
