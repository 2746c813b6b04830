"""What holds the mails about one approval together: the receipt, which says who was told, and by which mail first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from awaitly import Delivery
from awaitly_email.recipients import Recipient

__all__ = ["Thread", "message_id", "thread_of"]

_LONGEST_DOMAIN = 40
"""Characters: a longer id would be folded into something else in the headers that refer to it."""


@frozen
class Thread:
    """Who was told so far: addresses, each with the id of the delivery that its conversation began with."""

    begun: Mapping[str, str] = field(factory=dict[str, str])

    def joined(self, delivery: Delivery, recipient: Recipient) -> Thread:
        """Give the thread of one of them, which begins now where they were not told before."""
        return Thread({recipient.address: self.begun.get(recipient.address, delivery.id)})

    def receipt(self) -> str:
        """Write it down."""
        return json.dumps({"begun": dict(self.begun)}, separators=(",", ":"))


def thread_of(delivery: Delivery) -> Thread:
    """Read a receipt; what is none of ours begins anew."""
    try:
        read: Any = json.loads(delivery.receipt or "")
        begun = {str(Recipient(address).address): str(first) for address, first in read["begun"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return Thread()
    return Thread(begun)


def message_id(delivery_id: str, address: str, domain: str) -> str:
    """Give the `Message-ID` of a delivery to an address: the same however often it is sent."""
    while len(domain) > _LONGEST_DOMAIN and "." in domain:
        domain = domain.partition(".")[2]
    return f"<{hashlib.sha256(f'{delivery_id} {address}'.encode()).hexdigest()[:32]}@{domain}>"
