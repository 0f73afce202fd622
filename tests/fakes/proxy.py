"""Stands between a device and its broker, knows MQTT's packets, and does to them what networks do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Direction = Literal["up", "down"]

CONNECT, PUBLISH, PUBACK = 1, 3, 4


@dataclass(frozen=True)
class Pass:
    """These bytes go on."""

    data: bytes


@dataclass(frozen=True)
class Answer:
    """These bytes go back."""

    data: bytes


@dataclass(frozen=True)
class Cut:
    """The connection ends here, for both."""


Step = Pass | Answer | Cut
Rule = Callable[[Direction, bytes], list[Step]]


def pass_on(direction: Direction, packet: bytes) -> list[Step]:
    """What a good network does."""
    return [Pass(packet)]


def cut_off(direction: Direction, packet: bytes) -> list[Step]:
    """What a network does behind which nobody is."""
    return [Cut()]


def kind(packet: bytes) -> int:
    """Give the type of a packet."""
    return packet[0] >> 4


class Proxy:
    """Forwards to one port; ``rule`` may be changed at any time."""

    def __init__(self, port: int) -> None:
        self.rule: Rule = pass_on
        self.is_silent = False
        """Takes connections, and swallows everything."""
        self.accepted = 0
        self._port = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"

    def cut(self) -> None:
        """End every connection without a word."""
        with self._lock:
            for sock in self._open:
                _end(sock)

    def close(self) -> None:
        """Take no more connections and end those that are."""
        _end(self._server)
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                device, _ = self._server.accept()
                self.accepted += 1
                threading.Thread(target=self._serve, args=(device,), daemon=True).start()

    def _serve(self, device: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(device)
            stack.enter_context(contextlib.suppress(OSError))
            broker = stack.enter_context(socket.create_connection(("127.0.0.1", self._port)))
            for sock in (device, broker):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stack.enter_context(self._listed(sock))
            down = threading.Thread(target=self._relay, args=(broker, device, "down"), daemon=True)
            down.start()
            self._relay(device, broker, "up")
            down.join()

    @contextlib.contextmanager
    def _listed(self, sock: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(sock)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(sock)

    def _relay(self, source: socket.socket, target: socket.socket, direction: Direction) -> None:
        with contextlib.suppress(OSError), source.makefile("rb") as stream:
            for packet in _packets(stream.read):
                for step in [] if self.is_silent else self.rule(direction, packet):
                    if isinstance(step, Cut):
                        raise ConnectionAbortedError
                    (target if isinstance(step, Pass) else source).sendall(step.data)
        _end(source)
        _end(target)


def _packets(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Cut a stream into packets: a byte of type and flags, a length of seven bits a byte, the rest."""
    while first := read(1):
        length, head = 0, first
        for shift in (0, 7, 14, 21):
            byte = read(1)
            head += byte
            length |= (byte[0] & 0x7F) << shift
            if byte[0] < 0x80:
                break
        yield head + read(length)


def _end(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
