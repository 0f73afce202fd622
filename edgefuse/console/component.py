"""The console's server, as a component of ``edgefuse fleet serve``."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

from uvicorn import Config, Server

from edgefuse.console.app import Scene, make_app
from edgefuse.errors import ConfigError
from edgefuse.fleet.exporter import Endpoint

TICK_S = 0.1
"""Bounds how long a stop takes."""
MAX_CONNECTIONS = 500
"""At once; more are told to come later."""
BACKLOG = 128
TRUSTED_PROXY = "127.0.0.1"
"""Who may say where a request came from; without it uvicorn lets an environment variable widen that to everybody."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the server proves itself with: files in PEM."""

    chain: Path
    key: Path


class Console:
    """Serves page and API."""

    name = "console"

    def __init__(self, scene: Scene, endpoint: Endpoint, certificate: Certificate | None = None) -> None:
        """Begin to listen.

        Raises:
            ConfigError: It cannot listen there, the certificate cannot be read, or there is none where one is needed.
        """
        if certificate is None and not _is_loopback(endpoint.host):
            raise ConfigError(
                f"cannot show the console on {endpoint.host} without TLS: tokens and pictures could be read on "
                "the way; give --console-cert and --console-key, or a PORT alone and a proxy with TLS on this machine"
            )
        self._certificate = certificate
        self._scene = scene
        self._check_certificate()
        self._socket = _listen(endpoint)
        self.port = int(self._socket.getsockname()[1])
        self.url = f"{'https' if certificate else 'http'}://{_write_host(endpoint.host)}:{self.port}/"

    def run(self, stop: threading.Event) -> None:
        """Answer until ``stop`` is set."""
        logging.getLogger("uvicorn").setLevel(logging.WARNING)  # it tells of its start and end, as ``serve`` does
        asyncio.run(self._serve(stop))

    async def _serve(self, stop: threading.Event) -> None:
        ending = asyncio.Event()
        server = Server(self._configure(ending))
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        while not stop.is_set() and not serving.done():
            await asyncio.sleep(TICK_S)
        ending.set()
        server.should_exit = True
        await serving

    def _configure(self, ending: asyncio.Event) -> Config:
        certificate = self._certificate
        return Config(
            make_app(self._scene, self.port, ending),
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=TRUSTED_PROXY,
            lifespan="off",
            ws="none",
            http="h11",
            loop="asyncio",
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate.chain if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
        )

    def _check_certificate(self) -> None:
        """Find out now what would be wrong with it later.

        Raises:
            ConfigError: It cannot be used.
        """
        if self._certificate is None:
            return
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate.chain, self._certificate.key)
        except OSError as e:  # ssl's own errors too
            raise ConfigError(f"cannot use certificate {self._certificate.chain}: {e.strerror or e}") from e


def _listen(endpoint: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    try:
        return socket.create_server((endpoint.host, endpoint.port), family=family, backlog=BACKLOG)
    except OSError as e:
        raise ConfigError(f"cannot listen on {endpoint.host}:{endpoint.port}: {e.strerror or e}") from e


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _write_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
