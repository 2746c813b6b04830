from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from attrs import frozen
from standardwebhooks.webhooks import Webhook

from awaitly import Actor, DefinitionError, Orchestrator
from awaitly.testing import TestClock
from awaitly_web import Sender, Webhooks
from tests.adapters.web.support import WORKFLOWS, Web, open_web
from tests.support import SharedStore

OLD, NEW, OTHER = (f"whsec_{base64.b64encode(bytes([n] * 32)).decode()}" for n in (1, 2, 3))
CRM = Actor("ann", ["decider"])
BOB = Actor("bob", ["decider"])
FUZZED = 10_000 if os.environ.get("AWAITLY_FAULTS") == "long" else 300
PATH = "/hooks/decisions"


@frozen
class Hooked:
    """The application with its senders, and a clock."""

    web: Web
    clock: TestClock

    async def send(self, message: Mapping[str, Any], *, secret: str = NEW, **headers: str) -> httpx2.Response:
        """Send a message as any program of the format does."""
        body = json.dumps(message)
        number = headers.pop("number", "msg_1")
        given = self.signed(body, secret=secret, number=number, **headers)
        return await self.web.client.post(PATH, content=body, headers=given)

    def signed(
        self, body: str, *, secret: str = NEW, number: str = "msg_1", at: Any = None, **headers: str
    ) -> dict[str, str]:
        """Give the headers of a message."""
        moment: datetime = at or self.clock()
        signature = Webhook(secret).sign(number, moment, body)
        told = {"webhook-id": number, "webhook-timestamp": str(int(moment.timestamp())), "webhook-signature": signature}
        return {**told, "content-type": "application/json", **headers}

    async def message(self, kind: str, run_id: str = "r1", **data: Any) -> dict[str, Any]:
        """Make a message about what there is."""
        return {"type": kind, "data": {"run_id": run_id, "key": "manager", **await self.web.shown(run_id), **data}}

    async def status(self, run_id: str = "r1") -> str:
        """Say where the approval stands."""
        return (await self.web.orchestrator.status(run_id)).unwrap().approvals[0].status.value


@pytest.fixture
async def hooked(store: SharedStore, clock: TestClock) -> AsyncIterator[Hooked]:
    """Serve, with two programs that may decide."""
    senders = [Sender(CRM, (NEW, OLD)), Sender(BOB, (OTHER,))]
    hooks = Webhooks(senders, clock=clock)
    async with (
        Orchestrator(store, workflows=WORKFLOWS) as orchestrator,
        open_web(orchestrator, webhooks=hooks) as web,
    ):
        await web.parked("r1")
        yield Hooked(web, clock)


async def test_a_signed_message_decides_as_who_signed(hooked: Hooked) -> None:
    """The other side's own library signs it, the actor is whose secret it is, and the ledger has the message's id."""
    assert (await hooked.send(await hooked.message("approve"))).status_code == 200
    root = hooked.web.by("root:admin")
    last = (await root.get("/api/runs/r1/ledger")).json()["items"][-1]
    assert (last["event"], last["by"], last["via"]) == ("approved", "ann", "webhook:msg_1")


async def test_every_verb_comes_by_message(hooked: Hooked) -> None:
    """Reject with a reason, edit to a value, cancel by whoever may."""
    for run_id in ("r2", "r3"):
        await hooked.web.parked(run_id)
    await hooked.web.parked("r4", by="ann")
    await hooked.send(await hooked.message("reject", "r2", reason="no"), number="msg_2")
    await hooked.send(await hooked.message("edit", "r3", value={"amount": 1, "iban": "x"}), number="msg_3")
    cancelled = await hooked.send({"type": "cancel", "data": {"run_id": "r4"}}, number="msg_4")
    assert cancelled.status_code == 200
    assert [await hooked.status(f"r{n}") for n in (2, 3, 4)] == ["rejected", "edited", "cancelled"]


@pytest.mark.parametrize(("secret", "by"), [(NEW, "ann"), (OLD, "ann"), (OTHER, "bob")])
async def test_each_secret_is_somebodys(hooked: Hooked, secret: str, by: str) -> None:
    """An old one is accepted while it is listed."""
    assert (await hooked.send(await hooked.message("approve"), secret=secret)).status_code == 200
    details = (await hooked.web.orchestrator.status("r1")).unwrap()
    assert [vote.by.name for vote in details.approvals[0].votes] == [by]


async def test_several_signatures_may_come_along(hooked: Hooked) -> None:
    """One that fits suffices, whatever stands before it."""
    message = await hooked.message("approve")
    good = hooked.signed(json.dumps(message))["webhook-signature"]
    sent = await hooked.send(message, **{"webhook-signature": f"v1,AAAA v1a,xx {good}"})
    assert sent.status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
async def test_a_message_is_good_for_five_minutes(hooked: Hooked, seconds: int, status: int) -> None:
    """Both ways, for clocks differ."""
    at = hooked.clock() + timedelta(seconds=seconds)
    message = await hooked.message("approve")
    answer = await hooked.web.client.post(
        PATH, content=json.dumps(message), headers=hooked.signed(json.dumps(message), at=at)
    )
    assert answer.status_code == status


async def test_a_message_that_comes_again_does_nothing(hooked: Hooked, store: SharedStore) -> None:
    """Its id stands in the ledger: not even an approval that was asked anew is decided by it."""
    message = await hooked.message("approve")
    first = await hooked.send(message)
    store.reset()
    again = await hooked.send(message)
    assert (first.json()["replayed"], again.json()["replayed"], store.written) == (False, True, 0)
    other = await hooked.send(await hooked.message("reject"))
    assert (other.json()["replayed"], await hooked.status()) == (True, "approved")


async def test_senders_may_count_their_messages_alike(hooked: Hooked) -> None:
    """The id of one sender's message says nothing of another's."""
    await hooked.web.parked("r2")
    edit = await hooked.message("edit", value={"amount": 1, "iban": "x"})
    assert (await hooked.send(edit, number="1")).json().get("replayed") is False
    theirs = await hooked.send(await hooked.message("reject"), secret=OTHER, number="1")
    assert theirs.json().get("replayed") is not True


async def test_a_message_from_before_an_edit_is_stale(hooked: Hooked) -> None:
    """It names what was shown, so it decides on nothing that came later."""
    before = await hooked.message("approve")
    await hooked.web.parked("r2")
    edited = await hooked.message("edit", "r2", value={"amount": 1, "iban": "x"})
    before["data"].update(run_id="r2", revision=2, digest="v1:other")
    assert (await hooked.send(before)).status_code == 409
    del before["data"]["revision"]
    assert (await hooked.send(before, number="msg_2")).json()["path"] == "$.data.revision"
    assert (await hooked.send(edited, number="msg_3")).status_code == 200


@pytest.mark.parametrize("claim", ["by", "actor", "original"])
async def test_who_decides_is_not_for_the_message_to_say(hooked: Hooked, claim: str) -> None:
    """A claim is a 403, wherever it stands."""
    message = await hooked.message("approve")
    inside = {**message, "data": {**message["data"], claim: "root"}}
    for number, claimed in enumerate(({**message, claim: "root"}, inside)):
        assert (await hooked.send(claimed, number=f"msg_{number}")).status_code == 403
    assert await hooked.status() == "pending"
    root = hooked.web.by("root:admin")
    noted = [each for each in (await root.get("/api/runs/r1/ledger")).json()["items"] if each["event"] == "spoofed"]
    assert [(each["by"], each["via"]) for each in noted] == [("ann", "webhook:msg_0")]


async def test_a_message_that_was_refused_is_taken_once_it_is_put_right(hooked: Hooked) -> None:
    """That its id is noted beside a refused claim does not make it one that has come before."""
    message = await hooked.message("approve")
    assert (await hooked.send({**message, "by": "root"})).status_code == 403
    assert (await hooked.send(message)).json() == {"run_id": "r1", "replayed": False}
    assert await hooked.status() == "approved"


async def test_a_reason_is_as_long_as_a_person_may_write_one(hooked: Hooked, store: SharedStore) -> None:
    """One character more is refused with its place, and decides nothing; the same words cut to size are taken."""
    message = await hooked.message("reject", reason="x" * 10_001)
    store.reset()
    refused = await hooked.send(message)
    assert (refused.status_code, refused.json()["path"], store.written) == (422, "$.data.reason", 0)
    taken = await hooked.send(await hooked.message("reject", reason="x" * 10_000))
    assert (taken.status_code, await hooked.status()) == (200, "rejected")


async def test_what_is_signed_may_still_be_nonsense(hooked: Hooked) -> None:
    """A 422 that says where."""
    odd: list[Any] = [{}, {"type": "shout", "data": {}}, {"type": "approve", "data": []}, [], 7]
    for number, message in enumerate(odd):
        sent = await hooked.send(message, number=f"msg_{number}")
        assert sent.status_code == 422


async def test_one_flipped_bit_anywhere_is_a_401(hooked: Hooked) -> None:
    """In the body, the id, the time, the signature."""
    body = json.dumps(await hooked.message("approve"))
    headers = hooked.signed(body)
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        for place in range(0, len(headers[name]), 3):
            flipped = chr(ord(headers[name][place]) ^ 1)
            changed = {**headers, name: headers[name][:place] + flipped + headers[name][place + 1 :]}
            assert (await hooked.web.client.post(PATH, content=body, headers=changed)).status_code == 401
        gone = {key: value for key, value in headers.items() if key != name}
        assert (await hooked.web.client.post(PATH, content=body, headers=gone)).status_code == 401
    for place in range(0, len(body), 7):
        other = body[:place] + chr(ord(body[place]) ^ 1) + body[place + 1 :]
        assert (await hooked.web.client.post(PATH, content=other, headers=headers)).status_code == 401
    assert await hooked.status() == "pending"


@pytest.mark.parametrize("number", ["", "msg 1", "m" * 129, "msg_1\x7f"])
async def test_an_id_is_one_that_can_be_kept(hooked: Hooked, number: str) -> None:
    """However well it is signed."""
    assert (await hooked.send(await hooked.message("approve"), number=number)).status_code == 401


async def test_no_header_breaks_it(hooked: Hooked) -> None:
    """Thousands of made-up headers: each a 401, and never a 5xx."""
    chance = random.Random(7)
    body = json.dumps(await hooked.message("approve"))
    good = hooked.signed(body)
    odd = ["\x7f", "\xff", "é", "9" * 30, "-1", "0x1", "1e9", "nan", "A" * 9_000]
    pieces = ["v1,", "v1", ",", " ", "v1a,", "=", "", ".", "whsec_", *odd]
    for _ in range(FUZZED):
        headers = {**good}
        for name in chance.sample(["webhook-id", "webhook-timestamp", "webhook-signature"], chance.randint(1, 3)):
            headers[name] = "".join(chance.choices([*pieces, good[name][:-2]], k=chance.randint(0, 4)))
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = await hooked.web.client.post(PATH, content=body, headers=raw)
        assert answer.status_code == 401, headers
    assert await hooked.status() == "pending"


async def test_a_sender_needs_the_permission_to_decide(store: SharedStore, clock: TestClock) -> None:
    """A program is permitted what its actor is, and sees what its actor sees."""
    senders = [Sender(Actor("ann"), (NEW,)), Sender(Actor("eve", ["decider"]), (OTHER,))]
    hooks = Webhooks(senders, clock=clock)
    async with (
        Orchestrator(store, workflows=WORKFLOWS) as orchestrator,
        open_web(orchestrator, webhooks=hooks) as web,
    ):
        await web.parked("r1")
        hooked = Hooked(web, clock)
        assert (await hooked.send(await hooked.message("approve"))).status_code == 403
        assert (await hooked.send(await hooked.message("approve"), secret=OTHER)).status_code == 404


async def test_without_senders_there_is_nothing(web: Web) -> None:
    """Nobody can decide by messages where nobody was named."""
    assert (await web.client.post(PATH, json={})).status_code == 404


@pytest.mark.parametrize("secrets", ["", "whsec_", "whsec_AAAA", "whsec_!!!!", ()])
def test_a_secret_is_long_enough(secrets: Any) -> None:
    """Short ones are mistakes, and none is ever printed."""
    with pytest.raises(DefinitionError, match="a webhook's secret"):
        Sender(CRM, secrets)
    assert "\\x02" not in repr(Sender(CRM, (NEW,)))
