"""The channel: one signed POST for each notice, to a receiver that was looked at first."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TypeAlias

import httpx2

from awaitly import DefinitionError, Delivery, Duration, Undeliverable, as_timedelta
from awaitly_webhook.addresses import Reach, Resolve, checked_url, resolved, system_resolve
from awaitly_webhook.answers import judge
from awaitly_webhook.body import body_of
from awaitly_webhook.errors import WebhookFailed
from awaitly_webhook.signing import checked_keys, signed

__all__ = ["WebhookChannel"]

Url: TypeAlias = str | Callable[[Delivery], str]

PUBLIC = Reach()
_UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: for plain HTTP, so that the authorities are not read for nothing."""


class WebhookChannel:
    """Posts each notice to `url`, which may depend on the delivery, signed by `keys`, of which the newest comes first.

    `reach` says which receivers are allowed; redirects are never followed, and no proxy is taken from the environment.
    All of a send has to be over within `timeout`. `tls` is for receivers with certificates of an authority of your own.
    Raises `DefinitionError` for keys and URLs that are none.
    Raises `ValueError` where `timeout` is no length of time.
    """

    def __init__(
        self,
        url: Url,
        keys: Iterable[str] | str,
        *,
        name: str = "webhook",
        reach: Reach = PUBLIC,
        timeout: Duration = "10s",
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = system_resolve,
    ) -> None:
        if isinstance(url, str):
            try:
                checked_url(url, reach)
            except ValueError as problem:
                msg = f"the URL of the webhook {name!r} cannot be: {problem}"
                raise DefinitionError(msg) from problem
        self._url = url
        self._keys = checked_keys(keys)
        self._name = name
        self._reach = reach
        self._timeout = as_timedelta(timeout).total_seconds()
        self._given_tls = tls
        self._resolve = resolve

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    async def send(self, delivery: Delivery) -> str | None:
        """Post a notice. Raises `Undeliverable`, `RetryLater`, or `WebhookFailed`, none of which has the URL in it."""
        url = self._url_for(delivery)
        body = body_of(delivery)
        headers = {
            **signed(self._keys, delivery.id, delivery.made_at, body),
            "host": url.netloc.decode("ascii"),
            "content-type": "application/json",
            "user-agent": "awaitly",
        }
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await resolved(url, self._reach, self._resolve)
                answer = await self._posted(url, addresses, headers, body)
        except TimeoutError as exc:
            raise WebhookFailed(f"{url.host} did not answer within {self._timeout:g} s") from exc
        judge(url.host, answer.status_code, answer.headers)
        return None

    def _url_for(self, delivery: Delivery) -> httpx2.URL:
        text = self._url if isinstance(self._url, str) else self._url(delivery)
        try:
            return checked_url(text, self._reach)
        except ValueError as problem:
            raise Undeliverable(f"the webhook's URL cannot be: {problem}") from problem

    async def _posted(
        self, url: httpx2.URL, addresses: Iterable[str], headers: dict[str, str], body: bytes
    ) -> httpx2.Response:
        """Post to the first address that takes a connection; the answer's body is not read."""
        trouble: Exception | None = None
        tls = self._tls if url.scheme == "https" else _UNUSED
        async with httpx2.AsyncClient(trust_env=False, verify=tls, timeout=self._timeout) as client:
            for address in addresses:
                request = client.build_request("POST", url.copy_with(host=address), headers=headers, content=body)
                request.extensions["sni_hostname"] = url.raw_host.decode("ascii")
                try:
                    answer = await client.send(request, stream=True, follow_redirects=False)
                except (httpx2.ConnectError, httpx2.ConnectTimeout) as exc:
                    trouble = exc
                    continue
                except httpx2.HTTPError as exc:
                    raise WebhookFailed(f"{url.host} was lost: {type(exc).__name__}: {exc}") from exc
                await answer.aclose()
                return answer
        raise WebhookFailed(f"{url.host} takes no connection: {trouble}") from trouble

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context() if self._given_tls is None else self._given_tls
