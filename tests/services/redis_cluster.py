"""A Redis Cluster of our own: three masters on the loopback."""

from __future__ import annotations

import time
from itertools import combinations
from pathlib import Path

from attrs import frozen

from tests.services.asking import ask, told
from tests.services.ports import HOST
from tests.services.processes import Broken
from tests.services.redis_server import DURABLE, RedisServer

__all__ = ["RedisCluster", "is_whole"]

SLOTS = 16_384
_MASTERS = 3
_OPTIONS = (*DURABLE, "--cluster-enabled", "yes", "--cluster-node-timeout", "500")
_PATIENCE = 5_000
"""After how many milliseconds a node holds another to be down; while they make acquaintance it is less."""

_LONGEST = 60.0
_PAUSE = 0.02


@frozen
class RedisCluster:
    """Three masters that share all slots. A node may be killed and started again: its neighbours wait for it."""

    nodes: tuple[RedisServer, ...]

    @classmethod
    def of(cls, program: Path, folder: Path) -> RedisCluster:
        """Describe the nodes, each with a folder in this one."""
        folders = [folder / str(number) for number in range(_MASTERS)]
        for each in folders:
            each.mkdir()
        return cls(tuple(RedisServer(program, each, _OPTIONS) for each in folders))

    @property
    def url(self) -> str:
        """The address of its first node, as awaitly takes it."""
        return f"redis+cluster://{HOST}:{self.nodes[0].port}"

    def start(self) -> None:
        """Start the nodes, make them one cluster unless they are one already, and wait until it works."""
        for node in self.nodes:
            node.start()
        self._join()
        self.wait()
        for node in self.nodes:
            ask(node.port, "CONFIG", "SET", "cluster-node-timeout", _PATIENCE)

    def wait(self) -> None:
        """Wait until each node holds that all slots are served."""
        limit = time.monotonic() + _LONGEST
        while not all(is_whole(node.port) for node in self.nodes):
            if time.monotonic() > limit:
                raise Broken("the Redis Cluster did not become whole")
            time.sleep(_PAUSE)

    def kill(self) -> None:
        """Kill all nodes by SIGKILL."""
        for node in self.nodes:
            node.kill()

    def remove(self) -> None:
        """End it for good."""
        self.kill()

    def _join(self) -> None:
        bounds = [SLOTS * number // _MASTERS for number in range(_MASTERS + 1)]
        for number, node in enumerate(self.nodes):
            if told(node.port, "CLUSTER", "INFO")["cluster_slots_assigned"] != "0":
                return
            ask(node.port, "CLUSTER", "ADDSLOTS", *range(bounds[number], bounds[number + 1]))
            ask(node.port, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for one, other in combinations(self.nodes, 2):
            ask(one.port, "CLUSTER", "MEET", HOST, other.port)


def is_whole(port: int) -> bool:
    """Whether the node at this port of the loopback holds that all slots are served, by three masters."""
    state = told(port, "CLUSTER", "INFO")
    wanted = {"cluster_state": "ok", "cluster_slots_ok": str(SLOTS), "cluster_size": str(_MASTERS)}
    return wanted.items() <= state.items()
