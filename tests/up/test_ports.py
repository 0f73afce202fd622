"""Ports that are looked for on this machine."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from fakes.broker import free_port

from edgefuse.up.ports import find_port, listens


def test_ports_that_are_taken_are_passed_over() -> None:
    first = free_port()
    with ExitStack() as taken:
        taken.enter_context(socket.create_server(("127.0.0.1", first)))
        found = find_port(first, count=2)
        assert found >= first + 2
        for port in (found, found + 1):
            taken.enter_context(socket.create_server(("127.0.0.1", port)))


def test_a_port_is_listened_on_until_its_server_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens(port)
    assert not listens(port)
