import asyncio
from collections.abc import Sequence

from agent_framework import Agent, BaseChatClient, ChatResponse, Content, FunctionInvocationLayer, Message

from awaitly import Gate, MemoryStore
from awaitly_agent_framework import GateMiddleware, go_on


class FakeModel(FunctionInvocationLayer, BaseChatClient):
    async def _inner_get_response(self, *, messages: Sequence[Message], **_: object) -> ChatResponse:
        pay = Content.from_function_call(call_id="1", name="pay", arguments='{"to": "bob", "amount": 100}')
        return ChatResponse(messages=[Message("assistant", [messages[-1].contents[-1].result or pay])])


def pay(to: str, amount: int) -> str:
    return f"paid {amount} to {to}"


async def main() -> None:
    async with Gate(MemoryStore()) as gate:
        agent = Agent(FakeModel(), tools=[pay], middleware=[GateMiddleware(gate)])
        paused = await agent.run("Settle the bill.", session=(session := agent.create_session()))
        for ticket in (await gate.pending()).items:
            print(ticket.summary)
            await gate.edit(ticket.id, {"to": "bob", "amount": 42}, by="ann")
        print(await agent.run(go_on(paused.user_input_requests), session=session))


asyncio.run(main())
