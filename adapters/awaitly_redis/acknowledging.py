"""What has to confirm a commit before it counts."""

from __future__ import annotations

from attrs import field, frozen

from awaitly_redis.core import Duration, as_timedelta
from awaitly_redis.driver import Reply
from awaitly_redis.scripts import packed

__all__ = ["Acknowledge"]


def _millis(duration: Duration) -> int:
    return max(1, round(as_timedelta(duration).total_seconds() * 1000))


@frozen(kw_only=True)
class Acknowledge:
    """Let a commit wait until so many `replicas` have it, and with `fsync` until it is on their disks and the master's.

    Where that takes longer than `timeout`, the commit raises `CommitUnknown`: it stands on the master, and may be lost
    with it. `fsync` needs Redis 7.2.
    Raises `ValueError` where it asks for nothing, and where `timeout` is no length of time.
    """

    replicas: int = 0
    fsync: bool = False
    timeout: Duration = "1s"
    millis: int = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.replicas < 0 or not (self.replicas or self.fsync):
            raise ValueError("Acknowledge needs replicas=1 or more, or fsync=True")
        object.__setattr__(self, "millis", _millis(self.timeout))

    @property
    def seconds(self) -> float:
        """How long the server may take to answer."""
        return self.millis / 1000

    def command(self) -> bytes:
        """Give the command that waits, as it goes over the wire."""
        replicas, millis = b"%d" % self.replicas, b"%d" % self.millis
        return packed((b"WAITAOF", b"1", replicas, millis) if self.fsync else (b"WAIT", replicas, millis))

    def shortage(self, reply: Reply) -> str | None:
        """Say what has not confirmed, or None where all have."""
        match reply:
            case int(replicas):
                disks = 1
            case [int(disks), int(replicas)]:
                pass
            case _:
                return f"the server cannot tell who has confirmed it ({reply!r})"
        if disks < 1 and self.fsync:
            return "it was not on the server's disk in time"
        if replicas < self.replicas:
            return f"{replicas} of {self.replicas} replicas have confirmed it in time"
        return None
