"""The channel: one mail to each person, and later ones about the same in the same conversation."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from awaitly import DefinitionError, Delivery, Links, Undeliverable
from awaitly_email.errors import EmailFailed
from awaitly_email.letter import Letter
from awaitly_email.recipients import Recipient, Recipients, by_grant
from awaitly_email.server import Session, SmtpServer
from awaitly_email.threads import Thread, thread_of

__all__ = ["EmailChannel"]

LOGGER = logging.getLogger("awaitly.email")
_REMEMBERED = 10_000


class EmailChannel:
    """Sends each notice as a mail by `server`, from `sender`, to `recipients`.

    `recipients` is a function of the delivery, or addresses by grants, as for `by_grant`; whoever was told of an
    approval is told how it ended. With `links`, each mail to a person has the link that is theirs, as long as there is
    something to decide; it only shows. Where one address takes a mail for now and another does not, the notice
    is tried again, and this process leaves those out who have it. Raises `DefinitionError` for a sender that is none.
    """

    def __init__(
        self,
        server: SmtpServer,
        sender: str,
        recipients: Recipients | Mapping[str, str | Iterable[str]],
        *,
        links: Links | None = None,
        name: str = "email",
        sender_name: str = "",
    ) -> None:
        try:
            self._sender = Recipient(sender).address
        except ValueError as problem:
            msg = f"the sender is {problem}"
            raise DefinitionError(msg) from problem
        if not sender_name.isprintable():
            msg = f"a sender's name is printable text, not {sender_name!r}"
            raise DefinitionError(msg)
        self._server = server
        self._recipients = recipients if callable(recipients) else by_grant(recipients)
        self._links = links
        self._name = name
        self._sender_name = sender_name
        self._done: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    async def send(self, delivery: Delivery) -> str | None:
        """Send a notice. Raises `Undeliverable` where nobody can be told, `EmailFailed` where somebody cannot now."""
        before = thread_of(delivery)
        people = self._people(delivery, before)
        if not people and delivery.resolution is None:
            asked = ", ".join((*delivery.audience, *delivery.to)) or "anyone"
            raise Undeliverable(f"no address is known for {asked}")
        thread = before.joined(delivery, people)
        left = [each for each in people if (delivery.id, each.address) not in self._done]
        if left:
            async with self._server.session() as session:
                await self._send_each(session, Letter(delivery, thread, self._sender, self._sender_name), left)
        return thread.receipt()

    def _people(self, delivery: Delivery, before: Thread) -> list[Recipient]:
        """Give those who are concerned, once it is over also those who were told before, each address once."""
        try:
            given = [each if isinstance(each, Recipient) else Recipient(each) for each in self._recipients(delivery)]
        except ValueError as problem:
            raise Undeliverable(str(problem)) from problem
        every = given if delivery.resolution is None else [*given, *map(Recipient, before.begun)]
        return list({each.address: each for each in reversed(every)}.values())[::-1]

    async def _send_each(self, session: Session, letter: Letter, people: list[Recipient]) -> None:
        """Try everybody before saying who could not be told."""
        refused: list[Undeliverable] = []
        trouble: EmailFailed | None = None
        for each in people:
            try:
                await session.send(letter.to(each, self._link(letter.delivery, each)), self._sender, each.address)
            except Undeliverable as never:
                LOGGER.warning("%s", never)
                refused.append(never)
            except EmailFailed as failed:
                trouble = failed
            else:
                self._remember(letter.delivery.id, each.address)
        if trouble is not None:
            raise trouble
        if len(refused) == len(people):
            raise refused[0]

    def _link(self, delivery: Delivery, recipient: Recipient) -> str | None:
        if self._links is None or recipient.person is None or delivery.resolution is not None:
            return None
        return self._links.url(delivery, recipient.person)

    def _remember(self, delivery_id: str, address: str) -> None:
        self._done[delivery_id, address] = None
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
