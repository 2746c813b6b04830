from google.adk.agents import LlmAgent
from google.adk.apps import App
from google.adk.models import BaseLlm
from google.adk.runners import InMemoryRunner
from google.genai.types import Content, UserContent

from awaitly import Gate, MemoryStore
from awaitly_adk import GatePlugin, go_on


async def pay(to: str, amount: int) -> str:
    return f"paid {amount} to {to}"


async def agent_pays(model: BaseLlm) -> list[str]:
    async with Gate(MemoryStore()) as gate:
        agent = LlmAgent(name="clerk", model=model, tools=[pay])
        runner = InMemoryRunner(app=App(name="bank", root_agent=agent, plugins=[GatePlugin(gate)]))
        await runner.session_service.create_session(app_name="bank", user_id="ben", session_id="s-1")
        said: list[str] = []
        message: Content | None = UserContent("Pay bob.")
        while message is not None:
            events = runner.run_async(user_id="ben", session_id="s-1", new_message=message)
            said += [str(event.content) async for event in events]
            # In an application people decide in the inbox, by mail or in Slack.
            for pending in (await gate.pending()).items:
                await gate.edit(pending.id, {**pending.arguments, "amount": 42}, by="ann")
            session = await runner.session_service.get_session(app_name="bank", user_id="ben", session_id="s-1")
            message = await go_on(gate, session) if session else None
        return said
