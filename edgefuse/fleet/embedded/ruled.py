"""amqtt, taught what a fleet relies on: rules for every message, QoS of both ends, nothing lost with a connection.

amqtt 0.12 sends every client that connects what is retained for anybody's subscriptions; delivers at the subscriber's
QoS whatever the publisher's; and forgets what was under way to a client that went away.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import deque
from contextlib import suppress
from typing import Any  # amqtt comes without types

from amqtt.broker import Broker, RetainedApplicationMessage
from amqtt.contexts import Action
from amqtt.errors import AMQTTError, ProtocolHandlerError

from edgefuse.fleet.embedded.door import Trust
from edgefuse.fleet.embedded.rules import Access, matches
from edgefuse.link.connection import SESSION_S

logger = logging.getLogger(__name__)

LISTENER = "default"
MAX_WAITING = 10_000
"""Messages for one client that is away; the oldest go first."""
_CONFIGURATION = {
    "listeners": {LISTENER: {"type": "external"}},
    "plugins": {},
    "session_expiry_interval": SESSION_S,
}
_FORBIDDEN = ("$", "+", "#")
"""Not in topics that are published. Source: MQTT 3.1.1, 4.7."""

split = functools.lru_cache(maxsize=4096)(lambda wanted: tuple(wanted.split("/")))
"""Gives the levels of a filter."""


class RuledBroker(Broker):  # type: ignore[misc]
    """Overrides what amqtt does between a packet and the queues of its sessions."""

    def __init__(self, trust: Trust) -> None:
        super().__init__(_CONFIGURATION)
        self.trust = trust

    async def _authenticate(self, _session: Any, _listener: Any) -> bool:
        """Say yes: the door has looked at the certificate."""
        return True

    async def _topic_filtering(self, session: Any, topic: str, action: Action) -> bool:
        """Take every subscription, as mosquitto does; what of it may be read is asked for each message."""
        return action == Action.SUBSCRIBE or self._may(session, "read", topic)

    async def _handle_message_delivery(self, session: Any, _handler: Any, delivery: asyncio.Future[Any]) -> bool:
        """Take a message from a client; give False for one that no client may send, which ends its connection."""
        message = delivery.result()
        if message is None:
            return True
        if not message.topic or any(mark in message.topic for mark in _FORBIDDEN):
            return False
        if self._may(session, "write", message.topic):
            await self._broadcast_message(session, message.topic, message.data, message.qos)
            if message.publish_packet.retain_flag:
                await self.retain_message(session, message.topic, message.data, message.qos)
        return True

    async def _run_broadcast(self, running: deque[asyncio.Task[Any]]) -> None:
        """Send the next message to everybody who subscribed to it and may read it."""
        broadcast = await self._broadcast_queue.get()
        topic, data, levels = broadcast["topic"], broadcast["data"], broadcast["topic"].split("/")
        for wanted, subscriptions in list(self._subscriptions.items()):
            if not matches(split(wanted), levels):
                continue
            for session, qos in subscriptions:
                if self._may(session, "read", topic):
                    running.append(asyncio.ensure_future(self._send(session, topic, data, min(qos, broadcast["qos"]))))

    async def _publish_session_retained_messages(self, session: Any) -> None:
        """Send what waited for a session that is back."""
        waiting = session.retained_messages
        for _ in range(waiting.qsize()):
            kept = waiting.get_nowait()
            self._tasks_queue.append(asyncio.ensure_future(self._send(session, kept.topic, kept.data, kept.qos)))

    async def _publish_retained_messages_for_subscription(self, subscription: tuple[str, int], session: Any) -> None:
        """Send what is retained for a subscription, if it is this session's.

        What the client is to acknowledge is not waited for: that may come behind its next subscription, which is not
        looked at before this returns.
        """
        wanted, qos = subscription
        handler = self._get_handler(session)
        if handler is None or all(subscriber is not session for subscriber, _ in self._subscriptions.get(wanted, ())):
            return
        sent: list[Any] = []
        for topic, kept in list(self._retained_messages.items()):
            if matches(split(wanted), topic.split("/")) and self._may(session, "read", topic):
                granted = min(qos, kept.qos or 0)
                delivering = asyncio.ensure_future(_deliver(handler, topic, kept.data, granted, is_retained=True))
                (self._tasks_queue if granted else sent).append(delivering)
        await asyncio.gather(*sent)

    async def _send(self, session: Any, topic: str, data: bytes, qos: int) -> None:
        """Send a message, or keep it for a session that is away and has asked for that."""
        handler = self._get_handler(session)
        is_there = handler is not None and session.transitions.state == "connected"
        if is_there and await _deliver(handler, topic, data, qos, is_retained=False):
            return
        if qos and not session.clean_session:
            waiting = session.retained_messages
            if waiting.qsize() >= MAX_WAITING:
                waiting.get_nowait()
            waiting.put_nowait(RetainedApplicationMessage(None, topic, data, qos))

    def _may(self, session: Any, access: Access, topic: str) -> bool:
        return self.trust.rules.may(session.username, access, topic)


async def _deliver(handler: Any, topic: str, data: bytes, qos: int, *, is_retained: bool) -> bool:
    """Send a message to a client; tell whether it is sent, and with ``qos`` acknowledged."""
    with suppress(asyncio.CancelledError, AMQTTError, OSError, ProtocolHandlerError, asyncio.TimeoutError):
        await handler.mqtt_publish(topic, data, qos, retain=is_retained)
        return True
    return False
