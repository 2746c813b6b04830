"""What is said to whoever pressed a button, where it stands, and to nobody else."""

from __future__ import annotations

import asyncio
import logging
import ssl
from functools import cached_property

import httpx2

from awaitly import DefinitionError, visible
from awaitly_slack.texts import fitted, plain

__all__ = ["Replies"]

LOGGER = logging.getLogger("awaitly.slack")
_SECONDS = 10.0
_LONGEST = 2_900


class Replies:
    """Answers at the URLs that come with what was pressed, if they begin with `base_url`; others are not called."""

    def __init__(self, base_url: str) -> None:
        if not base_url.startswith(("https://", "http://")) or not base_url.endswith("/"):
            raise DefinitionError(f"answers go to where Slack takes them: 'https://hooks.slack.com/', not {base_url!r}")
        self._base = base_url

    async def say(self, answer_to: str, text: str, url: str | None = None) -> None:
        """Say something; where that fails it is logged, for what was decided stands all the same."""
        if not answer_to.startswith(self._base):
            LOGGER.warning("Slack named no place to answer at")
            return
        try:
            async with asyncio.timeout(_SECONDS):
                await self._post(answer_to, text, url)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            LOGGER.warning("an answer did not reach Slack: %s", type(error).__name__)

    async def _post(self, answer_to: str, text: str, url: str | None) -> None:
        said = fitted(visible(text), _LONGEST)
        button = {"type": "button", "action_id": "awaitly.open", "text": plain("Open"), "value": "link", "url": url}
        section = {"type": "section", "text": plain(said)}
        blocks = [section, *([{"type": "actions", "elements": [button]}] if url is not None else [])]
        message = {"response_type": "ephemeral", "replace_original": False, "text": said, "blocks": blocks}
        async with httpx2.AsyncClient(trust_env=False, verify=self._tls, timeout=_SECONDS) as client:
            (await client.post(answer_to, json=message)).raise_for_status()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        secure = self._base.startswith("https:")
        return ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
