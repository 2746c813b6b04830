"""Where webhooks may go: a host is resolved once, judged by all its addresses, and reached by these and no others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

import httpx2
from attrs import field, frozen

from awaitly import Undeliverable
from awaitly_webhook.errors import WebhookFailed

__all__ = ["Reach", "Resolve", "checked_url", "is_public", "resolved"]

Resolve: TypeAlias = Callable[[str, int], Awaitable[Iterable[str]]]
"""Gives the addresses of a host and a port, as text."""

_TRANSLATED = IPv6Network("64:ff9b::/96")
_PORTS = {"https": 443, "http": 80}


def _names(values: Iterable[str]) -> frozenset[str]:
    if isinstance(values, str):
        msg = f"hosts are named in a list: [{values!r}]"
        raise TypeError(msg)
    return frozenset(value.lower() for value in values)


def _numbers(values: Iterable[int]) -> frozenset[int]:
    return frozenset(values)


@frozen(kw_only=True)
class Reach:
    """Which receivers are reached. Left as it is: `https` on port 443 of hosts whose every address is public.

    `private_hosts`: hosts, by name, that may have private addresses, be spoken to by plain `http`, and on any port.
    `ports`: which ports public hosts may be spoken to on. Raises `TypeError` for hosts that are one text.
    """

    private_hosts: frozenset[str] = field(default=frozenset[str](), converter=_names)
    ports: frozenset[int] = field(default=frozenset({443}), converter=_numbers)


def checked_url(url: str, reach: Reach) -> httpx2.URL:
    """Read a URL. Raises `ValueError`, which says what is wrong with it and leaves out the rest."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError, TypeError) as exc:
        raise ValueError("it is no URL") from exc
    if parsed.scheme not in _PORTS or not parsed.host:
        raise ValueError("it is no address of the kind https://host/path")
    if parsed.userinfo:
        raise ValueError("it has a name or a password in it")
    if parsed.host.lower() not in reach.private_hosts:
        if parsed.scheme != "https":
            raise ValueError(f"{parsed.host} is spoken to by https alone, unless it is among `private_hosts`")
        if port_of(parsed) not in reach.ports:
            raise ValueError(f"port {port_of(parsed)} of {parsed.host} is not among `ports`")
    return parsed


def port_of(url: httpx2.URL) -> int:
    """Give the port that a URL means."""
    return url.port or _PORTS[url.scheme]


async def system_resolve(host: str, port: int) -> Iterable[str]:
    """Ask the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def resolved(url: httpx2.URL, reach: Reach, resolve: Resolve) -> tuple[str, ...]:
    """Give the addresses at which a host may be reached, each once.

    Raises `Undeliverable` where any of them is not public and the host is not named as private, `WebhookFailed` where
    there are none.
    """
    host = url.raw_host.decode("ascii").strip("[]")
    try:
        addresses = tuple(dict.fromkeys(await resolve(host, port_of(url))))
    except (OSError, UnicodeError) as exc:
        raise WebhookFailed(f"{url.host} has no address: {exc}") from exc
    if not addresses:
        raise WebhookFailed(f"{url.host} has no address")
    if url.host.lower() not in reach.private_hosts and not all(map(is_public, addresses)):
        raise Undeliverable(f"{url.host} has an address that is not public; name it in `private_hosts` if it may")
    return addresses


_SPECIAL = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "3fff::/20")))
"""What Python calls global and is no address of anybody's: assignments of protocols, relays, sites, documentation."""


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet, also if it is written as one of another family."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    inner = _inner(ip) if isinstance(ip, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    tunnel = isinstance(ip, IPv6Address) and (ip.sixtofour is not None or ip.teredo is not None)
    special = any(ip in network for network in _SPECIAL if network.version == ip.version)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or tunnel or special)


def _inner(ip: IPv6Address) -> IPv4Address | None:
    """Give the address of version 4 that stands in one of version 6."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _TRANSLATED else None
