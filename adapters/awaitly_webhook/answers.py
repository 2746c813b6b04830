"""What a receiver's answer means for the notice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from awaitly import RetryLater, Undeliverable, utc_now
from awaitly_webhook.errors import WebhookFailed

__all__ = ["judge"]

_NEVER = {400, 405, 406, 410, 411, 413, 414, 415, 422, 431, 451, 501}
"""The receiver will not take this, however often it comes. Others may be mended there: 401, 403 and 404 among them."""
_LATER = {429, 502, 503, 504}
_LONGEST_NUMBER = 9


def judge(host: str, status: int, headers: Mapping[str, str]) -> None:
    """Take an answer for what it is: raises `Undeliverable`, `RetryLater` or `WebhookFailed` where it is no success."""
    if 200 <= status < 300:  # noqa: PLR2004  (the successes of HTTP)
        return
    said = f"{host} answered {status}"
    if 300 <= status < 400:  # noqa: PLR2004  (the redirections of HTTP)
        raise Undeliverable(f"{said}: webhooks follow no redirects")
    if status in _NEVER:
        raise Undeliverable(said)
    after = _after(headers.get("retry-after", "").strip()) if status in _LATER else None
    if after is not None:
        raise RetryLater(after, f"{said} and asks to wait")
    raise WebhookFailed(said)


def _after(text: str) -> timedelta | None:
    if text.isdecimal() and text.isascii():
        return timedelta(seconds=int(text[:_LONGEST_NUMBER]))
    try:
        moment: datetime = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    return None if moment.tzinfo is None else max(moment - utc_now(), timedelta())
