"""Nasty texts, and values of nasty texts for whatever an annotation asks for."""

from __future__ import annotations

import json
import typing
from collections import abc
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from awaitly import Actor, Rule
from awaitly import cursor as written
from tests.fuzz.finding import is_union, takes_text

__all__ = ["cursors", "documents", "given_for", "nasty", "nasty_bytes"]

LONGEST = 10_000
"""Characters of the longest text that somebody may say."""

KNOWN = ("r", "ok", "bob", "ann", "n", "refunds", "default", "pay", "1h", "role:ops", "*", "?", "last")
"""What there is, so that some calls get further than the first look."""

BROKEN = (
    "",
    " ",
    "\t",
    "\n",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "k" * 40 + "\ud800",
    "ok\udcff",
    "\ufeff",
    "\u200b",
    "\x1b[2J",
    "\r\nBcc: x",
)
LOOKS = (
    "\u202eko",
    "\u2066ok\u2069",
    "\u043e\u043a",
    "ok\u0301",
    "a" + "\u0301" * 400,
    "ﬁ",
    "İ",
    "ß",
    "\U0001d4f8\U0001d4f4",
    "🏴\u200d☠️",
    "\U0010ffff",
)
LONG = ("x" * 199, "x" * 200, "x" * 201, "x" * 1_001, "é" * LONGEST, "x" * (LONGEST + 1), "[" * 5_000, "9" * 5_000)
NUMBERS = (
    *("1e999999", "-1e999999", "1e-999999", "0x", "0x1F", "٣", "²", "½", "NaN", "-Infinity", "-0", "1_000", "+1", "1."),
    *(str(2**63), str(2**64 + 1), str(-(2**63) - 1), "9" * 400, "0" * 400 + "1", "1" * 4_301),
)
LENGTHS = (
    *("0s", "-1h", "1.5h", "1h1h", "P", "PT", "P1Y", "PT0S", "٣h", "²s", "1e3s", "9" * 20 + "d", "9" * 400 + "w"),
    *(
        "1" * 4_301 + "ms",
        "PT" + "9" * 400 + "H",
        "0." + "0" * 400 + "1s",
        "1h ",
        "1h\0",
        "1 h",
        "999999999d",
        "0.0000001ms",
    ),
)
TIMES = (
    *("2027-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2027-02-30", "2027-01-01"),
    *("2027-W01-1T00Z", "20270101T000000Z", "2027-01-01T00:00:60Z", "2027-01-01T24:00Z", "2027-01-01T00:00:00+99:99"),
)
CRONS = (
    *(
        "* * * * *",
        "0 0 30 2 *",
        "*/0 * * * *",
        "60 * * * *",
        "0-99999999999 * * * *",
        "L * * * *",
        "* * * *",
        "٣ * * * *",
    ),
    *(
        "@daily",
        "0 0 L * *",
        "0 0 * * 5#6",
        "1-1/1 * * * *",
        "*,*,* * * * *",
        "* " * 500,
        "Europe/Berlin",
        "../../etc/passwd",
    ),
)
CODE = (
    *(
        "'; DROP TABLE runs; --",
        '" OR 1=1 --',
        "%",
        "_",
        "%_%",
        "\\",
        "a%00b",
        "%2e%2e%2f",
        "%",
        "%zz",
        "%ff%fe",
        "..",
        "../..",
    ),
    *(
        "{}",
        "{0}",
        "%s%n",
        "$(id)",
        "{{7*7}}",
        "<script>alert(1)</script>",
        "&#x0;",
        "[[",
        "]]",
        "return redis.call('flushall')",
    ),
    *(
        "\x1b]0;x\x07",
        "a:b",
        ":",
        "::",
        "role:",
        "rule:",
        "name:",
        "rule:x",
        "name:a:b",
        "schedule:x",
        "absence:a:b",
        "grant:x",
        "-",
        "--",
        "-1",
    ),
)
ADDRESSES = (
    *(
        "http://[",
        "http://[::1",
        "http://x:99999999999",
        "http://x:٣",
        "//",
        "http://",
        "http://\0",
        "http://x\ud800/",
        "sqlite://",
    ),
    *(
        "sqlite:///\0",
        "sqlite://h/x",
        "memory://x",
        "redis://x:y",
        "redis://[",
        "postgres://[::",
        "postgresql://%zz@/",
        "nosuch://x",
    ),
    *(
        "sqlite:///:memory:?x=1",
        "redis://h/٣",
        "redis://h/1e9",
        "mailto:x",
        "a@b",
        "a@@b",
        "@",
        "a@[",
        "x@" + "d" * 300,
        "http://xn--\u2260",
    ),
)
PAPERS = (
    *(
        "null",
        "[]",
        "{}",
        '""',
        "0",
        "true",
        '{"a":1,"a":2}',
        "[" * 3_000 + "]" * 3_000,
        '{"a":' * 3_000,
        "[1e999]",
        "[NaN]",
        "1" * 5_000,
    ),
    *(
        '{"$ref":"#"}',
        '{"$ref":"file:///etc/passwd"}',
        '{"pattern":"(a+)+$"}',
        '{"pattern":"("}',
        '{"type":"no"}',
        '{"multipleOf":0}',
    ),
    *(
        '{"minimum":1e400}',
        '{"enum":1}',
        '{"$defs":{"a":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}',
        '"\\ud800"',
        '{"\\u0000":1}',
    ),
    *(
        "a = 1",
        "[[rule]]",
        "rule = 1",
        "[[rule]]\ntool = 1",
        "a = " + "[" * 3_000,
        "x=1\nx=2",
        "a = 1e999999",
        "d = 9999-99-99",
        "[a.b.c]\n[a]",
    ),
)
NASTY = (*BROKEN, *LOOKS, *LONG, *NUMBERS, *LENGTHS, *TIMES, *CRONS, *CODE, *ADDRESSES, *PAPERS)
_ANY = st.text(st.characters(exclude_categories=()), max_size=30)

nasty: SearchStrategy[str] = st.one_of(
    st.integers(0, len(NASTY) - 1).map(NASTY.__getitem__), _ANY, st.sampled_from(KNOWN)
)
"""Texts as nobody means them, a few that somebody could mean among them."""

nasty_bytes: SearchStrategy[bytes] = nasty.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(
    max_size=64
)
"""Bytes, some of which are no UTF-8."""

_LEAVES: SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.sampled_from([2**63, -(2**64), 10**400]), st.floats(), nasty
)


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


documents: SearchStrategy[Any] = st.one_of(
    st.recursive(
        _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(nasty, inner, max_size=3), max_leaves=5
    ),
    st.sampled_from([40, 400, 5_000]).map(_nested),
)
"""What JSON can say, and more: deep, with numbers beyond all machines, and members of odd names."""

papers: SearchStrategy[str] = nasty | st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3), max_leaves=4
).map(json.dumps)
"""Whole documents as text."""

cursors: SearchStrategy[str] = st.lists(
    st.integers() | st.sampled_from([0, 2**63, -(2**64), 10**400]) | nasty, min_size=2, max_size=3
).map(lambda parts: written(*parts))
"""Places in listings, as no page gives them."""

_ACTORS = nasty.map(lambda name: Actor(name) if name.strip() else Actor("bob", [name], on_behalf_of=name, via=name))


def given_for(hint: object) -> SearchStrategy[Any]:
    """Give nasty values for a parameter that takes text."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return given_for(parts[0])
    if is_union(hint):
        return st.one_of([given_for(part) for part in parts if takes_text(part)])
    if origin is not None and issubclass(origin, abc.Mapping):
        return _mappings(parts)
    if origin is not None and issubclass(origin, abc.Iterable):
        return st.lists(nasty, max_size=3).map(tuple) | nasty
    if hint is Actor:
        return _ACTORS
    if hint is Rule:
        return st.just(Rule("last", lambda _, __: True))
    return nasty_bytes if hint is bytes else nasty


def _mappings(parts: tuple[object, ...]) -> SearchStrategy[Mapping[str, Any]]:
    values = nasty if len(parts) > 1 and parts[1] is str else documents
    return st.dictionaries(nasty, values, max_size=3)
