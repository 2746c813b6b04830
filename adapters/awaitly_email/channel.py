"""The channel: one mail to each person, and later ones about the same in the same conversation."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from awaitly import DefinitionError, Delivery, Links, Undeliverable
from awaitly_email.letter import Letter
from awaitly_email.recipients import Recipient, Recipients, by_grant
from awaitly_email.server import SmtpServer
from awaitly_email.threads import thread_of

__all__ = ["EmailChannel"]

_REMEMBERED = 10_000


class EmailChannel:
    """Sends each notice as a mail by `server`, from `sender`, to `recipients`.

    `recipients` is a function of the delivery, or addresses by grants, as for `by_grant`; whoever was told of an
    approval is told how it ended. With `links`, each mail to a person has the link that is theirs, as long as there is
    something to decide; it only shows. Each address is told apart from the others: tried again where it does not take
    a mail, and given up, for itself. Raises `DefinitionError` for a sender that is none.
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

    async def places_for(self, delivery: Delivery) -> Iterable[str]:
        """Name the addresses of those who are concerned, and once it is over of all who were told before.

        Raises `Undeliverable` where there are none while it waits.
        """
        names = [each.address for each in self._people(delivery)]
        if delivery.resolution is not None:
            return [*names, *delivery.told, *thread_of(delivery).begun]
        if not names:
            asked = ", ".join((*delivery.audience, *delivery.to)) or "anyone"
            raise Undeliverable(f"no address is known for {asked}")
        return names

    async def send(self, delivery: Delivery) -> str | None:
        """Send a notice to its address. Raises `Undeliverable` where that never takes it, `EmailFailed` if not now."""
        each = self._recipient(delivery)
        thread = thread_of(delivery).joined(delivery, each)
        if (delivery.id, each.address) not in self._done:
            letter = Letter(delivery, thread, self._sender, self._sender_name)
            async with self._server.session() as session:
                await session.send(letter.to(each, self._link(delivery, each)), self._sender, each.address)
            self._remember(delivery.id, each.address)
        return thread.receipt()

    def _people(self, delivery: Delivery) -> list[Recipient]:
        """Give those who are concerned, each address once."""
        try:
            given = [each if isinstance(each, Recipient) else Recipient(each) for each in self._recipients(delivery)]
        except ValueError as problem:
            raise Undeliverable(str(problem)) from problem
        return list({each.address: each for each in reversed(given)}.values())[::-1]

    def _recipient(self, delivery: Delivery) -> Recipient:
        """Give whom a notice goes to, with the person where it may have a link."""
        try:
            plain = Recipient(delivery.place or "")
        except ValueError as problem:
            raise Undeliverable(str(problem)) from problem
        if self._links is None:
            return plain
        return next((each for each in self._people(delivery) if each.address == plain.address), plain)

    def _link(self, delivery: Delivery, recipient: Recipient) -> str | None:
        if self._links is None or recipient.person is None or delivery.resolution is not None:
            return None
        return self._links.url(delivery, recipient.person)

    def _remember(self, delivery_id: str, address: str) -> None:
        self._done[delivery_id, address] = None
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
