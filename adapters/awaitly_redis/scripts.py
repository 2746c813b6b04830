"""The Lua scripts, read from their files, and commands as they go over the wire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha1
from importlib.resources import files

from attrs import frozen

__all__ = ["Script", "every_script", "packed", "script"]

_SHARED = "shared"


@frozen
class Script:
    """A script by its text, and by the digest that a server knows it by once it was loaded."""

    name: str
    text: bytes
    digest: bytes

    def call(self, keys: Sequence[bytes], arguments: Iterable[bytes]) -> bytes:
        """Give the call of this script as it goes over the wire."""
        return packed((b"EVALSHA", self.digest, b"%d" % len(keys), *keys, *arguments))

    def load(self) -> bytes:
        """Give the command that makes this script known to a server."""
        return packed((b"SCRIPT", b"LOAD", self.text))


def packed(command: Sequence[bytes]) -> bytes:
    """Give a command as it goes over the wire."""
    parts = [b"*%d\r\n" % len(command)]
    parts += [b"$%d\r\n%b\r\n" % (len(part), part) for part in command]
    return b"".join(parts)


def script(name: str) -> Script:
    """Read a script, behind what all of them share."""
    folder = files("awaitly_redis").joinpath("lua")
    text = folder.joinpath(f"{_SHARED}.lua").read_bytes() + b"\n" + folder.joinpath(f"{name}.lua").read_bytes()
    digest = sha1(text, usedforsecurity=False).hexdigest()  # what Redis itself goes by
    _KNOWN[name] = known = Script(name, text, digest.encode())
    return known


_KNOWN: dict[str, Script] = {}


def every_script() -> tuple[Script, ...]:
    """Give all scripts that were read."""
    return tuple(_KNOWN.values())
