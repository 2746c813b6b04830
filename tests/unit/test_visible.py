from __future__ import annotations

import unicodedata

import pytest

from awaitly.visible import shown, visible
from tests.cli.support import NASTY, NASTY_SHOWN, is_safe


@pytest.mark.parametrize("text", ["", "plain", "Zoë Jansen", "日本語", "naïve 50 %", "[red]x[/red]", "👍"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Letters of any script, and markup that only other programs would read."""
    assert visible(text) == text


def test_what_a_terminal_would_act_on_or_hide_is_written_out() -> None:
    """Escapes, controls, bidi, invisible characters and line ends."""
    assert visible(NASTY) == NASTY_SHOWN


def test_every_character_without_a_shape_is_written_out() -> None:
    """No control, format, surrogate, private or separator character of Unicode gets through, blanks aside."""
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
    for point in range(0x110000):
        character = chr(point)
        if unicodedata.category(character) in hidden and character != " ":
            assert visible(character).isascii()


@pytest.mark.parametrize("character", ["\u3164", "\u115f", "\u2800", "\ufe0f", "\u034f"])
def test_printable_characters_that_show_as_nothing_are_written_out(character: str) -> None:
    """Unicode calls these letters, marks or symbols."""
    assert visible(f"a{character}b").isascii()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r"a\nb"),
        (12, "12"),
        (None, "null"),
        ({"a": ["\x1b"]}, r'{"a": ["\x1b"]}'),
        ({"$type": "Order", "id": "1\u202e", "of": {"$type": "Shop", "n": 2}}, r'Order(id="1\u202e", of=Shop(n=2))'),
    ],
)
def test_values_are_written_on_one_line(value: object, text: str) -> None:
    """Objects with a type read as a call does."""
    assert shown(value) == text
    assert is_safe(shown(value))
