"""Requests that say who acts, or what there was before: each is a 403, a line in the log, and noted in the ledger.

Who acts is for the application's authentication to say. It is noted beside all that the request was about and that
still waits: once for each person and revision, so that nobody can fill a ledger.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from attrs import frozen

from awaitly_web.core import Actor, Orchestrator
from awaitly_web.parameters import is_plain
from awaitly_web.problems import problem
from awaitly_web.values import Response

__all__ = ["About", "Spoofed", "refusing", "spoofed_in"]

_ACTS = frozenset({"actor", "approved_by", "approver", "by", "on_behalf_of", "rejected_by", "requested_by", "user"})
"""Members that would say who acts."""
_SAYS = _ACTS | {"original", "via"}
"""Those, and members that would say what there was before, or by which way: none is ever taken from a body."""
_MOST = 100
"""What one request is about at most; bulk takes as many."""
_log = logging.getLogger("awaitly.web")


@frozen
class About:
    """What a request is about: an approval, or with `key` None whatever waits of a run."""

    run_id: str
    key: str | None = None


@frozen
class Spoofed:
    """What a body says that none may say: by which `members`, naming whom, and about what, if not by its path."""

    members: tuple[str, ...]
    named: tuple[str, ...]
    about: tuple[About, ...]


def spoofed_in(body: Mapping[str, Any], known: Iterable[str], actor: Actor) -> Spoofed | None:
    """Find what a body says of who acts, where it is not who does; `known` are the members that the route takes.

    It is looked for in the body, in its `data` and in each of its `items`: wherever approvals are named.
    """
    parts = tuple(_parts(body))
    own = {name: value for name, value in body.items() if name not in known}
    said = [(name, part[name]) for part in (own, *parts) for name in _SAYS & part.keys() if part[name] != actor.name]
    if not said:
        return None
    named = sorted({value for name, value in said if name in _ACTS and isinstance(value, str)})
    about = dict.fromkeys(about for part in parts if (about := _about(part)) is not None)
    return Spoofed(tuple(sorted({name for name, _ in said})), tuple(named), tuple(about))


def _parts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    items = body.get("items")
    for part in (body.get("data"), *(cast("list[object]", items) if isinstance(items, list) else ())):
        if isinstance(part, dict):
            yield cast("dict[str, Any]", part)


def _about(part: Mapping[str, Any]) -> About | None:
    """Read what names an approval, or a run; no store is asked for what could be no name."""
    match part.get("run_id"), part.get("key"):
        case str(run_id), str(key) if is_plain(run_id) and is_plain(key):
            return About(run_id, key)
        case str(run_id), None if is_plain(run_id):
            return About(run_id)
        case _:
            return None


async def refusing(
    orchestrator: Orchestrator, actor: Actor, spoofed: Spoofed, path: Mapping[str, str] | None = None
) -> Response:
    """Refuse a request, and note why. `path` has the parts of its path, by name.

    Whether there is such an approval, and whether it waits, the answer does not tell.
    """
    told = ", ".join(spoofed.members)
    _log.warning("%r claims %s in a body", actor.name, told)
    by_path = _about(path or {})
    for about in (*((by_path,) if by_path is not None else ()), *spoofed.about[:_MOST]):
        for key in await _keys(orchestrator, about):
            await orchestrator.spoofed(about.run_id, key, members=spoofed.members, named=spoofed.named, by=actor)
    return problem(403, "Claimed actor", f"{told} is never taken from a body: you are {actor.name}")


async def _keys(orchestrator: Orchestrator, about: About) -> tuple[str, ...]:
    if about.key is not None:
        return (about.key,)
    return tuple(each.key for each in (await orchestrator.pending(run_id=about.run_id)).items)
