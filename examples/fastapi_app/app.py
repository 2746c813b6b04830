"""A purchasing application in FastAPI: its own pages, routes, people and sessions, and the inbox mounted in it.

    python -m fastapi_app.people ida mona:lead              two people, one of them a lead
    uvicorn fastapi_app.app:app                             this application
    awaitly worker fastapi_app.purchases:orchestrator       goes on with what was asked for and decided

All three in the folder above this one.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, StringConstraints
from pydantic import Field as Checked

from awaitly import Actor, Err, Ok, Orchestrator, RunStatus
from awaitly_web import Permission, by_roles, web_app
from awaitly_web import Request as Asked

from . import people
from .purchases import CENT, LARGEST, Wish, orchestrator, purchase

COOKIE = "shop-session"
templates = Jinja2Templates(Path(__file__).with_name("templates"))


# Who calls. The application and the inbox ask the same table of sessions.


async def authenticate(request: Asked) -> Actor | None:
    return await asyncio.to_thread(people.who, request.cookie(COOKIE))


def somebody(request: Request) -> Actor:
    found = people.who(request.cookies.get(COOKIE))
    if found is None:
        raise HTTPException(401, "sign in first")
    return found


def from_here(request: Request) -> None:
    """Refuse what a page of another site sends with the cookie of whoever looks at it."""
    origin = request.headers.get("origin")
    elsewhere = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if elsewhere or request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HTTPException(403, "this comes from another site")


SignedIn = Annotated[Actor, Depends(somebody)]


# The application. The inbox is mounted once what it shows is open.


@asynccontextmanager
async def lifespan(host: FastAPI) -> AsyncGenerator[None]:
    async with orchestrator() as opened:
        host.state.orchestrator = opened
        permits = by_roles({"lead": [Permission.DECIDE]})
        host.mount("/approvals", web_app(opened, authenticate=authenticate, permits=permits))
        yield


app = FastAPI(title="Purchases", lifespan=lifespan)


def opened(request: Request) -> Orchestrator:
    found: Orchestrator = request.app.state.orchestrator
    return found


Runs = Annotated[Orchestrator, Depends(opened)]


# Pages.


@app.get("/", response_class=HTMLResponse)
async def home(request: Request, runs: Runs) -> Response:
    by = await asyncio.to_thread(people.who, request.cookies.get(COOKIE))
    if by is None:
        return templates.TemplateResponse(request, "sign_in.html")
    page = await runs.runs(prefix=f"purchase/{by.name}/", limit=20)
    stands = [(run.run_id.rpartition("/")[2], await standing(runs, run.run_id)) for run in page.items]
    shown = {"by": by, "purchases": stands, "new": uuid4()}
    return templates.TemplateResponse(request, "home.html", shown)


@app.post("/sign-in", dependencies=[Depends(from_here)])
def sign_in(request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()]) -> Response:
    token = people.sign_in(name, password)
    if token is None:
        return templates.TemplateResponse(request, "sign_in.html", {"wrong": True}, status_code=401)
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=secure)
    return answer


@app.post("/sign-out", dependencies=[Depends(from_here)])
def sign_out(request: Request) -> Response:
    people.sign_out(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE)
    return answer


# Purchases, for the form above and for programs.

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Wanted(BaseModel):
    id: UUID
    item: Words
    price: Annotated[Decimal, Checked(gt=0, le=LARGEST, decimal_places=2)]
    why: Words


@app.post("/purchases", dependencies=[Depends(from_here)])
async def want(wanted: Annotated[Wanted, Form()], by: SignedIn, runs: Runs) -> Response:
    """Take a wish. The form brings an id, so that one that is sent twice is one wish."""
    wish = Wish(wanted.item, wanted.price.quantize(CENT), wanted.why)
    run_id = f"purchase/{by.name}/{wanted.id}"
    match await runs.enqueue(purchase(wish), run_id=run_id, requested_by=by):
        case Ok():
            return RedirectResponse("/", 303)
        case Err(conflict):
            raise HTTPException(409, str(conflict))


@app.get("/purchases/{wanted_id}")
async def one(wanted_id: UUID, by: SignedIn, runs: Runs) -> dict[str, str]:
    return {"id": str(wanted_id), "standing": await standing(runs, f"purchase/{by.name}/{wanted_id}")}


async def standing(runs: Orchestrator, run_id: str) -> str:
    match await runs.status(run_id):
        case Err(unknown):
            raise HTTPException(404, str(unknown))
        case Ok(details) if details.pending:
            return f"waits for a lead: {details.pending[0].summary}"
        case Ok(details) if not details.run.status.ended:
            return "on its way" if details.run.status is not RunStatus.NEEDS_REVIEW else "being looked into"
        case Ok():
            pass
    match (await runs.wait(run_id)).result:
        case Ok(order):
            return str(order)
        case Err(error):
            return f"not ordered: {error}"
