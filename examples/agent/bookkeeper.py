"""A bookkeeper that pays invoices: small ones by itself, large ones once somebody of finance has agreed.

    python bookkeeper.py                                                               begins, and says what waits
    awaitly serve bookkeeper:orchestrator --as ann --role finance                      ann decides in the inbox
    python bookkeeper.py                                                               goes on where it stopped

The model is a fake that needs no network; MODEL names a real one: MODEL=openai:gpt-5 python bookkeeper.py
"""

import asyncio
import csv
import os
from pathlib import Path

from pydantic import TypeAdapter
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.tools import DeferredToolRequests

from awaitly import Actor, Gate, Orchestrator, load_rules, open_store
from awaitly_pydantic_ai import GateTools, go_on

STORE = "sqlite:///gate.db"
KEPT, PAID = Path("conversation.json"), Path("paid.csv")
TALK = TypeAdapter(tuple[list[ModelMessage], DeferredToolRequests])
INVOICES = [("bob", 30), ("eve", 400), ("max", 5000)]


def open_invoices() -> list[tuple[str, int]]:
    """List who is to be paid, and how much."""
    return INVOICES


def pay(to: str, amount: int) -> str:
    """Pay somebody."""
    with PAID.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow([to, amount])
    return f"paid {amount} to {to}"


def fake(messages: list[ModelMessage], _: AgentInfo) -> ModelResponse:
    """Do what a model would: look, pay everybody, and report."""
    returned = [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
    if not returned:
        return ModelResponse([ToolCallPart("open_invoices", {})])
    if len(returned) == 1:
        return ModelResponse([ToolCallPart("pay", {"to": to, "amount": amount}) for to, amount in INVOICES])
    return ModelResponse([TextPart("\n".join(str(part.content) for part in returned[1:]))])


def orchestrator() -> Orchestrator:
    """What the inbox looks at."""
    return Orchestrator(open_store(STORE))


# What was said so far and what it waits for, in one file, so that the two always fit.


def kept() -> tuple[list[ModelMessage], DeferredToolRequests] | None:
    return TALK.validate_json(KEPT.read_bytes()) if KEPT.exists() else None


def keep(history: list[ModelMessage], output: str | DeferredToolRequests) -> None:
    if isinstance(output, str):
        KEPT.unlink(missing_ok=True)
        return
    new = KEPT.with_suffix(".new")
    new.write_bytes(TALK.dump_json((history, output)))
    new.replace(KEPT)


async def proceed(agent: Agent[None, str | DeferredToolRequests]) -> str | DeferredToolRequests:
    match kept():
        case None:
            result = await agent.run("Pay what is open.")
        case history, waits:
            result = await agent.run(message_history=history, deferred_tool_results=go_on(waits))
    keep(result.all_messages(), result.output)
    return result.output


async def main() -> None:
    rules = load_rules(Path(__file__).with_name("rules.toml"))
    async with Gate(open_store(STORE), policy=rules.policy, rules=[rules]) as gate:
        agent = Agent(
            os.environ.get("MODEL") or FunctionModel(fake),
            output_type=[str, DeferredToolRequests],
            tools=[open_invoices, pay],
            capabilities=[GateTools(gate, agent=Actor("bookkeeper", on_behalf_of="rita"))],
        )
        match await proceed(agent):
            case str(said):
                print(said)
            case DeferredToolRequests():
                for ticket in (await gate.pending()).items:
                    print(f"{ticket.id} waits: {ticket.summary}")


if __name__ == "__main__":
    asyncio.run(main())
