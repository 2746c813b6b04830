"""Reading the URL of a Redis store."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from awaitly_redis.acknowledging import Acknowledge
from awaitly_redis.places import client_of, parsed, refusal
from awaitly_redis.store import DEFAULT_NAMESPACE, DEFAULT_PATIENCE, RedisStore

__all__ = ["open_redis"]

_OURS = ("namespace", "shards", "allow_volatile", "patience", "replicas", "fsync", "acknowledge_timeout")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def open_redis(url: str) -> RedisStore:
    """Give the store of a URL, not yet opened: `redis://`, `rediss://`, and each with `+cluster`.

    Ours among the options: `namespace`, `shards`, `allow_volatile`, `patience`, and `replicas`, `fsync` and
    `acknowledge_timeout` for `Acknowledge`. All others are the driver's. Raises `UnknownStore` for any other URL.
    """
    parts = parsed(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    ours = {name: value for name, value in options if name in _OURS}
    theirs = urlencode([(name, value) for name, value in options if name not in _OURS])
    plain = f"{parts.scheme}://{parts.netloc}{parts.path}" + (f"?{theirs}" if theirs else "")
    client_of(plain)  # wrong options are told now, and not where the store is opened
    try:
        return _store(plain, ours)
    except (ValueError, KeyError) as error:
        raise refusal(url, str(error)) from None  # its words are ours, or those of `int` about an option of ours


def _store(url: str, options: Mapping[str, str]) -> RedisStore:
    return RedisStore(
        url,
        namespace=options.get("namespace", DEFAULT_NAMESPACE),
        shards=int(options["shards"]) if "shards" in options else None,
        allow_volatile=_flag(options, "allow_volatile"),
        acknowledge=_acknowledge(options),
        patience=options.get("patience", DEFAULT_PATIENCE),
    )


def _acknowledge(options: Mapping[str, str]) -> Acknowledge | None:
    replicas, fsync = int(options.get("replicas", "0")), _flag(options, "fsync")
    if not replicas and not fsync:
        return None
    return Acknowledge(replicas=replicas, fsync=fsync, timeout=options.get("acknowledge_timeout", "1s"))


def _flag(options: Mapping[str, str], name: str) -> bool:
    text = options.get(name, "false")
    if text.lower() not in _FLAGS:
        raise ValueError(f"{name} is true or false, not {text!r}")
    return _FLAGS[text.lower()]
