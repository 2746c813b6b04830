import asyncio

from agents import Agent, Runner, RunState, function_tool, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call

from awaitly import Gate, MemoryStore
from awaitly_openai_agents import gated, go_on


@function_tool
async def pay(to: str, amount: int) -> str:
    return f"paid {amount} to {to}"


async def main() -> None:
    wanted = function_call("pay", {"to": "bob", "amount": 100}, call_id="call_1")
    async with Gate(MemoryStore()) as gate:
        model = ScriptedModel([[wanted], [assistant_message("Bob has his money.")]])  # a fake
        agent = Agent(name="clerk", model=model, tools=gated(gate, [pay]))
        paused = await Runner.run(agent, "Settle the bill.", context={"conversation_id": "thread-7"})
        for ticket in (await gate.pending()).items:
            print(ticket.summary)
            await gate.edit(ticket.id, {"to": "bob", "amount": 42}, by="ann")
        state = await RunState.from_string(agent, paused.to_state().to_string())  # in any process, on any day
        await go_on(state)
        print((await Runner.run(agent, state)).to_input_list()[-2].get("output"))


set_tracing_disabled(disabled=True)
asyncio.run(main())
