"""The page that Prometheus fetches, ``http://ADDRESS:PORT/metrics``, made anew for every fetch.

Figures of devices come from the store, so all controllers of one database give the same; each adds its own. There is
neither a password nor encryption: it listens on this machine only, unless its operator names an address.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.exposition import CONTENT_TYPE

logger = logging.getLogger(__name__)

PATH = "/metrics"
LOOPBACK = "127.0.0.1"
TICK_S = 0.5
"""Bounds how long a stop takes."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to listen."""

    host: str
    port: int
    """0 for one that is free."""


def parse_endpoint(text: str) -> Endpoint:
    """Read ``PORT``, which is one of this machine only, ``ADDRESS:PORT``, or ``[ADDRESS]:PORT`` for IPv6.

    Raises:
        ConfigError: It is none.
    """
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"cannot listen on '{text}': give ADDRESS:PORT, or a PORT for this machine only")
    return Endpoint(host.strip("[]") or LOOPBACK, int(port))


class Exporter:
    """A component of ``edgefuse fleet serve``."""

    name = "exporter"

    def __init__(self, endpoint: Endpoint, make_page: Callable[[], str]) -> None:
        """Begin to listen.

        Args:
            endpoint: Where.
            make_page: Called in other threads, one at a time; its ``EdgefuseError`` is told to who asked.

        Raises:
            ConfigError: It cannot listen there.
        """
        try:
            self._server = _Server(endpoint, make_page)
        except OSError as e:
            raise ConfigError(f"cannot listen on {endpoint.host}:{endpoint.port}: {e.strerror or e}") from e

    @property
    def port(self) -> int:
        """Give the port that it listens on."""
        return int(self._server.server_address[1])

    def run(self, stop: threading.Event) -> None:
        """Answer until ``stop`` is set."""
        with self._server:
            while not stop.is_set():
                self._server.handle_request()


class _Server(ThreadingTCPServer):
    """Not ``http.server``'s own, which asks a name server for its own name before it listens."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    timeout = TICK_S

    def __init__(self, endpoint: Endpoint, make_page: Callable[[], str]) -> None:
        self.address_family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        self._make_page = make_page
        self._making = threading.Lock()
        super().__init__((endpoint.host, endpoint.port), _Handler)

    def make_page(self) -> str:
        """Make one page at a time: several impatient readers must not cost more than one."""
        with self._making:
            return self._make_page()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10.0  # seconds that a silent reader is waited for

    def do_GET(self) -> None:
        if self.path != PATH:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", f"the metrics are at {PATH}\n")
            return
        try:
            page = self.server.make_page()
        except EdgefuseError as e:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", f"{e}\n")
        else:
            self._send(HTTPStatus.OK, CONTENT_TYPE, page)

    def log_message(self, format: str, *args: object) -> None:
        logger.debug(format, *args)

    def _send(self, status: HTTPStatus, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError, TimeoutError):  # who asked is gone
            self.end_headers()
            self.wfile.write(body)
