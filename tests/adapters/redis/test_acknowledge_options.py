from __future__ import annotations

import pytest

from awaitly_redis import Acknowledge
from awaitly_redis.driver import Reply


@pytest.mark.parametrize(
    ("acknowledge", "command"),
    [
        (Acknowledge(replicas=2, timeout="1500ms"), b"*3\r\n$4\r\nWAIT\r\n$1\r\n2\r\n$4\r\n1500\r\n"),
        (Acknowledge(fsync=True), b"*4\r\n$7\r\nWAITAOF\r\n$1\r\n1\r\n$1\r\n0\r\n$4\r\n1000\r\n"),
        (Acknowledge(replicas=1, fsync=True), b"*4\r\n$7\r\nWAITAOF\r\n$1\r\n1\r\n$1\r\n1\r\n$4\r\n1000\r\n"),
    ],
    ids=["replicas", "disk", "disks"],
)
def test_what_is_waited_for_is_one_command(acknowledge: Acknowledge, command: bytes) -> None:
    """WAIT counts replicas that have received it; WAITAOF counts this server's disk, and theirs."""
    assert acknowledge.command() == command


@pytest.mark.parametrize(
    ("acknowledge", "reply", "lacks"),
    [
        (Acknowledge(replicas=2), 2, None),
        (Acknowledge(replicas=2), 1, "1 of 2 replicas"),
        (Acknowledge(fsync=True), [1, 0], None),
        (Acknowledge(fsync=True), [0, 0], "disk"),
        (Acknowledge(replicas=1, fsync=True), [1, 1], None),
        (Acknowledge(replicas=1, fsync=True), [1, 0], "0 of 1 replicas"),
        (Acknowledge(replicas=1), b"OK", "cannot tell"),
    ],
)
def test_what_lacks_is_told(acknowledge: Acknowledge, reply: Reply, lacks: str | None) -> None:
    """Only where all have confirmed is there nothing to tell."""
    told = acknowledge.shortage(reply)
    assert told is None if lacks is None else told is not None and lacks in told
