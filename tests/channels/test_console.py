from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from awaitly import ConsoleChannel
from awaitly.testing.channel_contract import Arrived, ChannelContract, Trial, delivery, resolved


class ConsoleTrial:
    """A stream in memory; blocks are told apart by the empty line after each."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.channel = ConsoleChannel(self._stream)

    async def arrived(self) -> Sequence[Arrived]:
        """Give the blocks; what is about one approval names its run and its question."""
        blocks = self._stream.getvalue().split("\n\n")[:-1]
        return [Arrived(block, "\n".join(self._about(block)), block) for block in blocks]

    @staticmethod
    def _about(block: str) -> list[str]:
        return [line for line in block.splitlines() if line.split()[:1] in (["Run"], ["Question"])]


class TestConsoleChannel(ChannelContract):
    """The contract, over a stream in memory."""

    @pytest.fixture
    def trial(self) -> Trial:
        """Give the channel and its stream."""
        return ConsoleTrial()


async def test_a_block_is_readable() -> None:
    """A title, facts, what is proposed, and the command that decides."""
    stream = io.StringIO()
    await ConsoleChannel(stream).send(delivery())
    assert stream.getvalue() == (
        "== Approval needed: Refund order 7781\n"
        "   Run           r1 (refund)\n"
        "   Question      manager\n"
        "   Reason given  over the limit\n"
        "   Who decides   1 of role:manager\n"
        "   Now asks      role:manager\n"
        "   Until         2030-01-08 09:00 UTC\n"
        "-- proposed\n"
        "   amount        12050\n"
        "   currency      EUR\n"
        "   iban          [redacted]\n"
        '   to            {"name": "Zoë", "lines": ["a", "b"]}\n'
        "-- awaitly approve r1 manager --by NAME\n"
        "\n"
    )


async def test_what_is_closed_offers_no_decision() -> None:
    """It says how it ended instead."""
    stream = io.StringIO()
    await ConsoleChannel(stream).send(resolved())
    text = stream.getvalue()
    assert text.startswith("== Rejected: Refund order 7781\n")
    assert "Outcome       rejected by mona, 2030-01-07 09:00 UTC" in text
    assert "awaitly approve" not in text


async def test_what_the_stream_cannot_write_is_escaped() -> None:
    """A terminal without UTF-8 is no reason to fail for three days."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    await ConsoleChannel(stream).send(delivery())
    assert rb'"name": "Zo\xeb"' in raw.getvalue()


async def test_without_a_stream_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """To what is the standard output when the notice comes."""
    await ConsoleChannel().send(delivery())
    assert "Refund order 7781" in capsys.readouterr().out
