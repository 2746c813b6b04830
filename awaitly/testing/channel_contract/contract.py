"""The contract as one class, and what its tests share."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from attrs import evolve

from awaitly.actors import Actor
from awaitly.approvals.differing import Difference
from awaitly.approvals.notices import NoticeKind
from awaitly.approvals.redaction import BLANK
from awaitly.errors import PendingApproval
from awaitly.notifying.channels import Delivery, NotificationChannel, Resolution, SeveralPlaces, Undeliverable
from awaitly.statuses import ApprovalStatus
from awaitly.testing.clock import START
from awaitly.values import frozen

__all__ = [
    "Arrived",
    "ChannelContract",
    "Stall",
    "Stalled",
    "Trial",
    "delivery",
    "resolved",
    "review",
    "send_everywhere",
]


@frozen
class Arrived:
    """What has arrived once: `text` is all that people or programs read of it.

    `id` tells doubles: it is the same for the same delivery, however often that is sent. `thread` is the same for all
    that is about one approval, as far as the service shows it together: the message that was updated, a conversation.
    """

    id: str
    thread: str
    text: str


class Trial(Protocol):
    """A channel under test, and what has arrived by it."""

    @property
    def channel(self) -> NotificationChannel:
        """The channel."""
        ...

    async def arrived(self) -> Sequence[Arrived]:
        """Give what has arrived, in order. A message that was updated is there once for each of its states."""
        ...


class Stall(Protocol):
    """A service that takes what comes and gives no answer, while it is entered."""

    async def reached(self) -> None:
        """Wait until something has come."""
        ...

    async def left(self) -> int:
        """Wait until the service has noticed who went away, and give how many connections are open still."""
        ...


Stalled = Callable[[], AbstractAsyncContextManager[Stall]]

ARGUMENTS = {"amount": 12050, "currency": "EUR", "iban": BLANK, "to": {"name": "Zoë", "lines": ["a", "b"]}}
NASTY = "\x1b[31mred\x1b[0m \u202egnp.exe\u2066 zero\u200bwidth\r\nBcc: eve@example.com \x07\ufeff"
HARMFUL = "\x1b\u202e\u2066\u200b\x07\ufeff"
MANY = 16


def delivery(kind: NoticeKind = NoticeKind.NEEDED, number: int = 1, **changes: Any) -> Delivery:
    """Make a delivery about an approval of run `r1`: `number` is that of its notice, `changes` are of the approval."""
    about: dict[str, Any] = {
        "run_id": "r1",
        "key": "manager",
        "summary": "Refund order 7781",
        "workflow": "refund",
        "arguments": ARGUMENTS,
        "revision": 1,
        "digest": "v1:" + "0" * 64,
        "asked_at": START,
        "deadline": START + timedelta(hours=24),
        "reason": "over the limit",
        "policy": "1 of role:manager",
    }
    approval = PendingApproval(**(about | changes))
    return Delivery(
        id=f"msg_{approval.run_id}{approval.key}{number:026d}",
        kind=kind,
        at=START,
        made_at=START,
        run_id=approval.run_id,
        workflow=approval.workflow,
        approval=approval,
        audience=("role:manager",),
        to=("role:manager",) if kind in {NoticeKind.NEEDED, NoticeKind.ESCALATED} else (),
    )


def resolved(number: int = 1, **changes: Any) -> Delivery:
    """Make the delivery of its rejection by Mona; `changes` are of the resolution."""
    given: dict[str, Any] = {"by": Actor("mona"), "reason": "sent twice", **changes}
    resolution = Resolution(ApprovalStatus.REJECTED, START, **given)
    return evolve(delivery(NoticeKind.RESOLVED, number), resolution=resolution)


def review(number: int = 1) -> Delivery:
    """Make the delivery of a run that was set aside."""
    plain = delivery(NoticeKind.REVIEW, number)
    return evolve(plain, approval=None, audience=(), reason="its code has changed")


async def send_everywhere(
    channel: NotificationChannel, sent: Delivery, receipts: Mapping[str | None, str] | None = None
) -> dict[str | None, str]:
    """Send a delivery as the courier does: to each place, with the receipt that it gave last, if any.

    Gives the receipts as they then stand, by place; that of a channel that names none is under None.
    """
    known = dict(receipts or {})
    for place in await _places(channel, evolve(sent, told=tuple(place for place in known if place is not None))):
        receipt = await channel.send(evolve(sent, place=place, receipt=known.get(place, sent.receipt)))
        if receipt is not None:
            known[place] = receipt
    return known


class ChannelContract:
    """What every channel must do. Subclass it and override the fixture `trial`; see the module's documentation."""

    pytestmark = pytest.mark.asyncio

    if not TYPE_CHECKING:  # a fixture that overrides one of these may be async and take any parameters

        @pytest.fixture
        def trial(self) -> Trial:
            """Override: give the channel under test, and what has arrived by it."""
            pytest.fail("override the fixture `trial`: it gives the channel and what has arrived by it")

        @pytest.fixture
        def stalled(self) -> Stalled:
            """Override where the channel waits for an answer: a service that gives none."""
            pytest.skip("this channel is not said to wait for an answer")

        @pytest.fixture
        def several(self) -> Delivery:
            """Override where the channel names places: a delivery that goes to two at least, by `delivery()`."""
            pytest.skip("this channel is not said to have several places")

    async def test_it_has_a_name(self, trial: Trial) -> None:
        """The same each time, for it stands in the store."""
        assert trial.channel.name
        assert trial.channel.name == trial.channel.name

    @pytest.mark.parametrize("kind", [kind for kind in NoticeKind if kind is not NoticeKind.REVIEW])
    async def test_it_tells_of_an_approval(self, trial: Trial, kind: NoticeKind) -> None:
        """Each kind of notice arrives, with the summary, the run and the question."""
        sent = resolved() if kind is NoticeKind.RESOLVED else delivery(kind)
        text = await _told(trial, sent)
        assert "Refund order 7781" in text
        assert "r1" in text
        assert "manager" in text

    async def test_it_tells_of_a_run_that_needs_review(self, trial: Trial) -> None:
        """There is no approval then; the reason says why."""
        text = await _told(trial, review())
        assert "r1" in text
        assert "its code has changed" in text

    async def test_it_gives_a_text_or_nothing(self, trial: Trial) -> None:
        """A receipt is kept as it is."""
        channel = trial.channel
        for place in await _places(channel, delivery()):
            assert isinstance(await channel.send(evolve(delivery(), place=place)), str | None)

    async def test_it_shows_the_real_arguments(self, trial: Trial) -> None:
        """By their names and values, nested ones too: what is decided on is what is shown."""
        text = await _told(trial, delivery())
        for part in ("amount", "12050", "currency", "EUR", "iban", BLANK, "Zoë", "lines"):
            assert part in text

    async def test_arguments_that_are_no_object_are_shown_too(self, trial: Trial) -> None:
        """A number, for instance."""
        assert "987654" in await _told(trial, delivery(arguments=987654))

    async def test_what_it_leaves_out_it_marks(self, trial: Trial) -> None:
        """A text of a hundred thousand characters is there whole, or its beginning, with how much more there is."""
        long = "begin " + "x" * 100_000
        text = await _told(trial, delivery(arguments={"note": long}))
        assert long in text or ("begin x" in text and "more characters" in text)

    async def test_members_that_it_leaves_out_it_marks(self, trial: Trial) -> None:
        """A thousand of them are all there, or the first ones, with how many more there are."""
        text = await _told(trial, delivery(arguments={f"member{n}": n for n in range(1000)}))
        assert "member0" in text
        assert "member999" in text or "more members" in text or "more characters" in text

    @pytest.mark.parametrize("field", ["summary", "reason", "requested_by", "edited_by", "claimed_by", "policy"])
    async def test_what_data_could_hide_is_made_visible(self, trial: Trial, field: str) -> None:
        """Escape sequences, bidi and invisible characters are written out, wherever they come from."""
        _assert_harmless(await _told(trial, delivery(NoticeKind.NEEDED, 1, **{field: NASTY})))

    async def test_what_arguments_could_hide_is_made_visible(self, trial: Trial) -> None:
        """In values, and in the names of members."""
        text = await _told(trial, delivery(arguments={NASTY: [NASTY, {"inner": NASTY}]}))
        _assert_harmless(text)
        assert "gnp.exe" in text

    async def test_what_a_decision_could_hide_is_made_visible(self, trial: Trial) -> None:
        """The reason of whoever decided, and the name."""
        _assert_harmless(await _told(trial, resolved(by=Actor("mo\u202ena"), reason=NASTY)))

    async def test_it_tells_how_it_ended(self, trial: Trial) -> None:
        """The outcome, who decided, and why."""
        text = await _told(trial, resolved())
        for part in ("rejected", "mona", "sent twice"):
            assert part in text.lower()

    async def test_it_tells_what_was_edited(self, trial: Trial) -> None:
        """Before and after, and by whom."""
        edited = evolve(
            delivery(NoticeKind.CHANGED, edited_by="erin", revision=2),
            changes=(Difference("$.amount", 55501, 55502),),
        )
        text = await _told(trial, edited)
        for part in ("amount", "55501", "55502", "erin"):
            assert part in text

    async def test_what_is_about_one_approval_stays_together(self, trial: Trial) -> None:
        """Later notices go with the last receipt, and update what is there or follow it."""
        receipts: dict[str | None, str] = {}
        for sent in (delivery(), delivery(NoticeKind.REMINDER, 2), resolved(3)):
            receipts = await send_everywhere(trial.channel, sent, receipts)
        arrived = await trial.arrived()
        assert len({each.thread for each in arrived}) == 1
        assert "sent twice" in arrived[-1].text

    async def test_approvals_are_kept_apart(self, trial: Trial) -> None:
        """Those of different runs, and of one run."""
        different = [delivery(), delivery(run_id="r2"), delivery(key="director")]
        for each in different:
            await send_everywhere(trial.channel, each)
        assert len({each.thread for each in await trial.arrived()}) == len(different)

    async def test_the_same_delivery_twice_is_harmless(self, trial: Trial) -> None:
        """Whoever receives it knows it by its id."""
        await send_everywhere(trial.channel, delivery())
        await send_everywhere(trial.channel, delivery())
        arrived = await trial.arrived()
        assert len({(each.id, each.thread) for each in arrived}) == 1

    async def test_a_receipt_that_means_nothing_is_harmless(self, trial: Trial) -> None:
        """What it stands for may have been deleted, or be of another version of the channel."""
        await send_everywhere(trial.channel, evolve(delivery(NoticeKind.REMINDER), receipt="\x00 nothing of yours\r\n"))
        assert "Refund order 7781" in (await trial.arrived())[-1].text

    async def test_many_at_once_all_arrive(self, trial: Trial) -> None:
        """Each whole, and none instead of another."""
        await asyncio.gather(*(send_everywhere(trial.channel, delivery(run_id=f"run-{n:02d}-")) for n in range(MANY)))
        text = "\n".join(each.text for each in await trial.arrived())
        assert all(f"run-{n:02d}-" in text for n in range(MANY))

    async def test_a_cancelled_send_leaves_nothing_open(self, trial: Trial, stalled: Stalled) -> None:
        """It ends at once, the connection is given up, and the next send works."""
        async with stalled() as stall:
            task = asyncio.create_task(send_everywhere(trial.channel, delivery()))
            await stall.reached()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await stall.left() == 0
        await send_everywhere(trial.channel, delivery(number=2))
        assert "Refund order 7781" in (await trial.arrived())[-1].text

    async def test_it_names_each_place(self, trial: Trial, several: Delivery) -> None:
        """By a text of its own, the same each time: that is written down."""
        channel = trial.channel
        assert isinstance(channel, SeveralPlaces)
        places = list(await channel.places_for(several))
        assert len(set(places)) > 1
        assert all(isinstance(place, str) and place for place in places)
        assert list(await channel.places_for(several)) == places

    async def test_a_send_goes_to_its_place_alone(self, trial: Trial, several: Delivery) -> None:
        """Each place has a message or a conversation of its own."""
        places = await _places(trial.channel, several)
        for count, place in enumerate(places, 1):
            await trial.channel.send(evolve(several, place=place))
            assert len({each.thread for each in await trial.arrived()}) == count

    async def test_each_place_goes_on_for_itself(self, trial: Trial, several: Delivery) -> None:
        """One is told how it ended, by its own receipt, while another was not told of the question yet."""
        first, second, *_ = await _places(trial.channel, several)
        receipt = await trial.channel.send(evolve(several, place=first))
        await trial.channel.send(evolve(_ended(several), place=first, receipt=receipt))
        assert len({each.thread for each in await trial.arrived()}) == 1
        assert "sent twice" in (await trial.arrived())[-1].text
        before = await trial.arrived()
        await trial.channel.send(evolve(several, place=second))
        assert (await trial.arrived())[-1].thread not in {each.thread for each in before}

    async def test_a_place_that_was_told_is_told_how_it_ended(self, trial: Trial, several: Delivery) -> None:
        """Whoever is concerned by then; nothing that was asked is left standing."""
        told = tuple(place for place in await _places(trial.channel, several) if place is not None)
        ended = evolve(_ended(several), audience=delivery().audience, to=(), told=told)
        assert set(told) <= set(await _places(trial.channel, ended))

    @pytest.mark.parametrize("place", [None, "\x00 nothing of yours\r\n"])
    async def test_a_place_that_means_nothing_is_undeliverable(
        self, trial: Trial, several: Delivery, place: str | None
    ) -> None:
        """No further try could help, and nothing has arrived."""
        with pytest.raises(Undeliverable):
            await trial.channel.send(evolve(several, place=place))
        assert list(await trial.arrived()) == []


async def _places(channel: NotificationChannel, sent: Delivery) -> tuple[str | None, ...]:
    """Name where a delivery goes, each place once; None for the one place of a channel that names none."""
    if not isinstance(channel, SeveralPlaces):
        return (None,)
    return tuple(dict.fromkeys(await channel.places_for(sent)))


def _ended(sent: Delivery) -> Delivery:
    """Give a delivery of how the same has ended."""
    return evolve(sent, id=f"{sent.id}0", kind=NoticeKind.RESOLVED, resolution=resolved().resolution)


async def _told(trial: Trial, sent: Delivery) -> str:
    """Send one, and give what has arrived."""
    await send_everywhere(trial.channel, sent)
    arrived = await trial.arrived()
    assert arrived
    return arrived[-1].text


def _assert_harmless(text: str) -> None:
    assert not set(HARMFUL) & set(text)
    assert "\nBcc: eve@example.com" not in text
