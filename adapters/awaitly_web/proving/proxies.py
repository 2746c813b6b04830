"""Headers of a proxy that has signed people in. They count only where the proxy itself is the peer."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from attrs import field, frozen

from awaitly_web.core import Actor, DefinitionError
from awaitly_web.parameters import is_plain
from awaitly_web.values import Request

__all__ = ["ProxyHeaders"]

Network: TypeAlias = IPv4Network | IPv6Network


def _networks(values: Iterable[str]) -> tuple[Network, ...]:
    if isinstance(values, str):
        values = (values,)
    try:
        networks = tuple(ip_network(value) for value in values)
    except ValueError as exc:
        msg = f"peers are addresses or networks, as '10.0.0.5' or '10.0.0.0/28': {exc}"
        raise DefinitionError(msg) from exc
    if not networks or any(network.prefixlen == 0 for network in networks):
        msg = "name the proxy's own addresses as peers: otherwise anybody could send its headers"
        raise DefinitionError(msg)
    return networks


def _lowered(value: str) -> str:
    return value.lower()


@frozen(kw_only=True)
class ProxyHeaders:
    """Knows people by what a proxy says in `user` and, separated by commas, in `roles`.

    `peers` are the proxy's addresses, as the server sees them: where the server itself rewrites the peer's address by
    `X-Forwarded-For`, they are not. The proxy must drop what clients send under these names; a name that came
    twice is refused. Raises `DefinitionError` for peers that would be everybody.
    """

    peers: tuple[Network, ...] = field(converter=_networks)
    user: str = field(default="x-forwarded-user", converter=_lowered)
    roles: str = field(default="x-forwarded-groups", converter=_lowered)

    async def __call__(self, request: Request) -> Actor | None:
        """Give whom the proxy names, if it is the proxy that calls."""
        name = request.headers.get(self.user, "").strip()
        if not self._is_proxy(request.client) or not name or "," in name or not is_plain(name):
            return None
        roles = (role.strip() for role in request.headers.get(self.roles, "").split(","))
        return Actor(name, [role for role in roles if role], via="proxy")

    def _is_proxy(self, client: str | None) -> bool:
        try:
            address = None if client is None else ip_address(client)
        except ValueError:
            return False
        return address is not None and any(address in network for network in self.peers)
