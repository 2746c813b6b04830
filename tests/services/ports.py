"""Ports for servers of our own, and waiting for what listens there."""

from __future__ import annotations

import socket
from random import SystemRandom

__all__ = ["BUS", "HOST", "free_port", "is_free"]

HOST = "127.0.0.1"
BUS = 10_000
"""How far above its port a node of a Redis Cluster talks to the others."""

_RANGE = range(12_000, 22_000)
"""With their bus, below the ports that systems give to clients: a server that is down for a moment finds its own free
again, and no client that keeps trying to reach it is connected with itself."""


def free_port() -> int:
    """Find a port that is free, and whose bus is free too."""
    while True:
        port = SystemRandom().choice(_RANGE)
        if is_free(port) and is_free(port + BUS):
            return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True
