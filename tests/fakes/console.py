"""A console that runs on a free port, and somebody who asks it: a program with a token, or a browser with a cookie."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from http.cookies import SimpleCookie
from typing import Any  # JSON

from edgefuse.console.access import CSRF
from edgefuse.console.app import Scene
from edgefuse.console.component import Certificate, Console
from edgefuse.fleet.exporter import Endpoint
from edgefuse.fleet.serving import serve

PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The content."""
        return json.loads(self.content)


@contextmanager
def showing(scene: Scene, certificate: Certificate | None = None, host: str = "127.0.0.1") -> Iterator[Console]:
    """Run a console, as ``edgefuse fleet serve`` does."""
    console, stop = Console(scene, Endpoint(host, 0), certificate), threading.Event()
    thread = threading.Thread(target=serve, args=([console], stop))
    thread.start()
    try:
        yield console
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


class Client:
    """Asks a console."""

    def __init__(self, console: Console, token: str = "", *, trusted: ssl.SSLContext | None = None) -> None:
        """Have a token, if one is given, in every request; check who answers where TLS is meant."""
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._port, self._trusted = console.port, trusted

    def ask(self, path: str, body: object = None, *, method: str = "", **headers: str) -> Answer:
        """Send a request; headers have underscores for hyphens."""
        with closing(self._connect()) as connection:
            answer = self._send(connection, path, body, method, headers)
            self._keep_cookies(answer)
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    @contextmanager
    def follow(self, path: str, **headers: str) -> Iterator[HTTPResponse]:
        """Open a stream."""
        with closing(self._connect()) as connection:
            yield self._send(connection, path, None, "", headers)

    def log_in(self, token: str) -> Answer:
        """Log in as a browser does."""
        answer = self.ask("/api/login", {"token": token})
        if answer.status == 200:
            self.headers[CSRF] = answer.json["csrf"]
        return answer

    def _send(
        self, connection: HTTPConnection, path: str, body: object, method: str, headers: Mapping[str, str]
    ) -> HTTPResponse:
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if content is not None else {}
        sent |= self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if content is None else "POST"), path, content, sent)
        return connection.getresponse()

    def _connect(self) -> HTTPConnection:
        if self._trusted is not None:
            return HTTPSConnection("localhost", self._port, timeout=PATIENCE_S, context=self._trusted)
        return HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)

    def _keep_cookies(self, answer: HTTPResponse) -> None:
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.headers["Cookie"] = f"{name}={morsel.value}"


def read_event(stream: HTTPResponse) -> tuple[str, Any]:
    """Give the next event of a stream: its name and data."""
    fields: dict[str, str] = {}
    for raw in stream:
        line = raw.decode().rstrip("\n")
        if not line and "data" in fields:
            return fields["event"], json.loads(fields["data"])
        name, _, value = line.partition(": ")
        fields[name] = value
    raise EOFError(f"the stream ended after {fields}")
