"""A small RTSP server: one program pushes a stream over TCP, others play it; real clients talk to it.

Understands what libav says: OPTIONS, ANNOUNCE, RECORD from the pusher; DESCRIBE, PLAY from players; SETUP and
TEARDOWN from both. Media packets, which stand between the lines with a ``$`` in front (RFC 2326, 10.12), are handed on.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import subprocess
import sys
import threading


class RtspServer:
    """Runs the server in a process of its own: libav keeps the interpreter lock while it waits for a greeting."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._process.stdout is not None
        self.url = f"rtsp://127.0.0.1:{self._process.stdout.readline().strip()}/live"

    def cut(self) -> None:
        """Cut every connection without a word, as a network does."""
        self._order("cut")

    def mute(self) -> None:
        """Keep the connections, but send nothing more to those who play."""
        self._order("mute")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _order(self, word: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        assert self._process.stdout.readline().strip() == word


class _Switch(socketserver.ThreadingTCPServer):
    """What the clients share."""

    daemon_threads = True

    def __init__(self) -> None:
        self.description = b""
        self.talks: list[_Talk] = []
        self.players: list[_Talk] = []
        super().__init__(("127.0.0.1", 0), _Talk)


class _Talk(socketserver.StreamRequestHandler):
    """One client."""

    server: _Switch

    def handle(self) -> None:
        """Answer lines and hand packets on until the client leaves."""
        server = self.server
        server.talks.append(self)
        with contextlib.suppress(OSError):
            while start := self.rfile.read(1):
                if start == b"$":
                    self._relay()
                else:
                    self._answer(start + self.rfile.readline())
        server.talks.remove(self)
        if self in server.players:
            server.players.remove(self)

    def _relay(self) -> None:
        head = self.rfile.read(3)
        packet = b"$" + head + self.rfile.read(int.from_bytes(head[1:], "big"))
        for player in list(self.server.players):
            with contextlib.suppress(OSError):
                player.connection.sendall(packet)

    def _answer(self, first: bytes) -> None:
        verb, url = first.decode().split()[:2]
        fields = {}
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        body = self.rfile.read(int(fields.get("content-length", 0)))
        extra, content, status = "Session: 1\r\n", b"", "200 OK"
        if verb == "OPTIONS":
            extra = "Public: OPTIONS, ANNOUNCE, DESCRIBE, SETUP, RECORD, PLAY, TEARDOWN\r\n"
        elif verb == "ANNOUNCE":
            self.server.description = body
        elif verb == "DESCRIBE" and not url.endswith("/live"):
            status = "404 Not Found"
        elif verb == "DESCRIBE":
            content = self.server.description
            extra = f"Content-Type: application/sdp\r\nContent-Base: {url}/\r\nContent-Length: {len(content)}\r\n"
        elif verb == "SETUP":
            extra += f"Transport: {fields['transport']}\r\n"
        self.connection.sendall(f"RTSP/1.0 {status}\r\nCSeq: {fields['cseq']}\r\n{extra}\r\n".encode() + content)
        if verb == "PLAY":
            self.server.players.append(self)


def main() -> None:
    """Serve on a free port, say which, and follow orders from stdin."""
    switch = _Switch()
    threading.Thread(target=switch.serve_forever, daemon=True).start()
    sys.stdout.write(f"{switch.server_address[1]}\n")
    sys.stdout.flush()
    for order in sys.stdin:
        if order.strip() == "mute":
            switch.players.clear()
        if order.strip() == "cut":
            for talk in list(switch.talks):
                with contextlib.suppress(OSError):
                    talk.connection.shutdown(socket.SHUT_RDWR)
        sys.stdout.write(order)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
