"""Ports of this machine: which are free, and which somebody listens on."""

from __future__ import annotations

import socket

from edgefuse.errors import EdgefuseError

_TRIED_PORTS = 100


def find_port(first: int, count: int = 1) -> int:
    """Give the first of so many ports in a row that nobody listens on.

    Raises:
        EdgefuseError: There are none near.
    """
    for port in range(first, first + _TRIED_PORTS, count):
        if all(map(is_free, range(port, port + count))):
            return port
    raise EdgefuseError(f"cannot listen: all ports from {first} to {first + _TRIED_PORTS} are taken (ss -ltn)")


def is_free(port: int) -> bool:
    """Tell whether this user can listen on a port of this machine."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def listens(port: int) -> bool:
    """Tell whether somebody takes connections at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
