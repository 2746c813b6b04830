# What the application around the card does: it says who somebody is, serves the page, and mounts awaitly's web
# application beside it, on the same origin. Build the page first: `npm ci && npm run build`.

import asyncio
import socket
from decimal import Decimal
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from awaitly import Actor, NotApproved, Ok, Orchestrator, Policy, Result, Run, open_store, workflow
from awaitly_web import Authenticate, web_app
from awaitly_web.serving import OnlyHere, app_served

BUILT = Path(__file__).with_name("dist")
ONLY_OURS = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"


@workflow
async def refund(run: Run[NotApproved], amount: Decimal) -> Result[Decimal, NotApproved]:
    policy = Policy(approvers=["ann"], expires_in="2d")
    reason = "The parcel never arrived."
    return Ok(
        await run.approval("manager", proposes=amount, summary=f"Refund {amount} EUR", policy=policy, reason=reason)
    )


class Page(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["content-security-policy"] = ONLY_OURS
        return response


def host(orchestrator: Orchestrator, authenticate: Authenticate, built: Path = BUILT) -> Starlette:
    mounted = web_app(orchestrator, authenticate=authenticate)
    return Starlette(routes=[Mount("/approvals", mounted), Mount("/", Page(directory=built, html=True))])


async def main() -> None:
    async with Orchestrator(open_store("sqlite:///react.db"), workflows=[refund]) as orchestrator:
        await orchestrator.start(refund(Decimal("80.00")), run_id="order-7", requested_by="shop")
        # Whoever calls from this machine is ann. Yours says who it is: see docs/howto/web.md.
        app = host(orchestrator, OnlyHere(Actor("ann")))
        with socket.create_server(("127.0.0.1", 8000)) as listening:
            async with app_served(app, listening), orchestrator.working():
                print("http://127.0.0.1:8000/?run=order-7&key=manager")
                await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
