"""The broker behind its two listeners, one for devices and one for operators."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from pathlib import Path

from amqtt.errors import AMQTTError

from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.embedded.door import Door, RefusedError, load_trust
from edgefuse.fleet.embedded.ruled import LISTENER, RuledBroker
from edgefuse.fleet.embedded.wire import Wire, WireReader, WireWriter
from edgefuse.fleet.site import load_register

logger = logging.getLogger(__name__)

GREETING_S = 10.0
"""For TLS, and then for the first packet."""
CLOSING_S = 2.0


class EmbeddedBroker:
    """Serves one site."""

    def __init__(self, folder: Path) -> None:
        """Read the site.

        Raises:
            ConfigError: There is none, or its files cannot be read.
        """
        self._folder = folder
        self._register = load_register(folder)
        self._broker = RuledBroker(load_trust(folder))
        self._servers: list[asyncio.AbstractServer] = []

    async def open(self) -> None:
        """Listen.

        Raises:
            EdgefuseError: A port is taken, or a certificate cannot be read.
        """
        await self._broker.start()
        operators_port = self._register.operators_broker.port
        await self._listen(Door(self._register.port, "ca.pem", names_clients=True))
        await self._listen(Door(operators_port, "operator.pem", names_clients=False))

    def reload(self) -> None:
        """Read again who may do what, and who may nothing any more; what cannot be read changes nothing."""
        try:
            self._broker.trust = load_trust(self._folder)
        except ConfigError as e:
            logger.error("%s", e)

    async def close(self) -> None:
        """Let everybody go."""
        for server in self._servers:
            server.close()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._broker.shutdown(), CLOSING_S)

    async def _listen(self, door: Door) -> None:
        host = "127.0.0.1" if self._register.is_local else None
        try:
            server = await asyncio.start_server(
                partial(self._meet, door),
                host,
                door.port,
                ssl=door.make_tls(self._folder),
                ssl_handshake_timeout=GREETING_S,
            )
        except OSError as e:
            raise EdgefuseError(f"cannot listen on port {door.port}: {(e.strerror or str(e)).lower()}") from e
        self._servers.append(server)

    async def _meet(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it is gone."""
        wire = Wire(reader, writer)
        try:
            first = await asyncio.wait_for(wire.read_packet(), GREETING_S)
            first, keepalive_s = await door.admit(first, writer, self._broker.trust)
            wire.limit_silence(keepalive_s)
            await self._broker.external_connected(WireReader(wire, first), WireWriter(wire, writer), LISTENER)
        except RefusedError as e:
            logger.debug("%s", e)  # every device tries MQTT 5 first
            writer.write(e.answer)
        except (AMQTTError, OSError, EOFError, asyncio.TimeoutError) as e:
            logger.info("a client is gone reason=%r", e)
        finally:
            wire.close()
