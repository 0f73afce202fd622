"""amqtt with a site's rules, behind its two listeners."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any  # amqtt comes without types

from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.errors import AMQTTError

from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.embedded.door import Door, RefusedError, Trust, load_trust
from edgefuse.fleet.embedded.wire import Wire, WireReader, WireWriter
from edgefuse.fleet.site import load_register
from edgefuse.link.connection import SESSION_S

logger = logging.getLogger(__name__)

GREETING_S = 10.0
"""For TLS, and then for the first packet."""
CLOSING_S = 2.0
_LISTENER = "default"
_CONFIGURATION = {
    "listeners": {_LISTENER: {"type": "external"}},
    "plugins": {},
    "session_expiry_interval": SESSION_S,
}


class RuledBroker(Broker):  # type: ignore[misc]
    """amqtt, which asks the site's rules for every message, and sends what is retained to subscribers only."""

    def __init__(self, trust: Trust) -> None:
        super().__init__(_CONFIGURATION)
        self.trust = trust

    async def _authenticate(self, _session: Any, _listener: Any) -> bool:
        """Say yes: the door has looked at the certificate."""
        return True

    async def _topic_filtering(self, session: Any, topic: str, action: Action) -> bool:
        """Take every subscription, as mosquitto does; what of it may be read is asked for each message."""
        if action == Action.SUBSCRIBE:
            return True
        return self.trust.rules.may(session.username, "write" if action == Action.PUBLISH else "read", topic)

    async def _publish_retained_messages_for_subscription(self, subscription: tuple[str, int], session: Any) -> None:
        """Send what is retained for a subscription of this session.

        amqtt calls this for the subscriptions of everybody whenever somebody connects, and asks no rules.
        """
        wanted, qos = subscription
        handler = self._get_handler(session)
        if handler is None or all(subscriber is not session for subscriber, _ in self._subscriptions.get(wanted, ())):
            return
        found = (
            handler.mqtt_publish(topic, kept.data, min(qos, kept.qos or 0), retain=True)
            for topic, kept in list(self._retained_messages.items())
            if self._matches(topic, wanted) and self.trust.rules.may(session.username, "read", topic)
        )
        await asyncio.gather(*found, return_exceptions=True)


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
            await self._broker.external_connected(WireReader(wire, first), WireWriter(wire, writer), _LISTENER)
        except RefusedError as e:
            logger.info("%s", e)
            writer.write(e.answer)
        except (AMQTTError, OSError, EOFError, asyncio.TimeoutError) as e:
            logger.info("a client is gone reason=%r", e)
        finally:
            wire.close()
