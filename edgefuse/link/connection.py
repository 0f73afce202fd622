"""One connection to the broker, from its first packet to its end; never reconnects, never runs anybody else's code.

paho's own threads and queues are not used: an exception in a callback would kill its thread silently, its reconnects
have no jitter, and what it queues is lost with the process. Here callbacks only note what happened, and one thread
takes notes and sends. Resolving names, connecting and TLS block for seconds, so a thread of their own does these.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edgefuse.config.link import Broker

logger = logging.getLogger(__name__)

Protocol = Literal["3.1.1", "5"]
Cause = Literal["unreachable", "refused", "version", "taken_over", "lost"]

CONNECT_TIMEOUT_S = 5.0
WILL_DELAY_S = 30
"""A device that is back so soon never was offline."""
SESSION_S = 24 * 3600
"""The broker keeps commands for an absent device so long; they expire sooner."""
MAX_PACKET_BYTES = 128 << 10
"""Chunks of models have 64 KiB; a broker of MQTT 5 sends nothing larger."""
MAX_AT_ONCE = 32
"""Messages read before anything else has a turn."""
MAX_UNACKNOWLEDGED = 64
"""Above all windows of the outbox together; a bound that is never reached, because paho's own has none."""
_NEW_ONLY = SubscribeOptions.RETAIN_DO_NOT_SEND
_UNSUPPORTED_VERSION = 0x84
_TAKEN_OVER = 0x8E


@dataclass(frozen=True, slots=True)
class Opened:
    """The broker took us in."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message; to be acknowledged once it is safe."""

    topic: str
    payload: bytes
    qos: int
    mid: int
    is_retained: bool = False
    """The broker had it before it was asked for."""

    @property
    def is_live(self) -> bool:
        """It was said just now, not some time before we asked."""
        return bool(self.qos) and not self.is_retained


@dataclass(frozen=True, slots=True)
class Sent:
    """A published message is the broker's now, or at QoS 0 is on its way."""

    mid: int


@dataclass(frozen=True, slots=True)
class Closed:
    """It is over."""

    cause: Cause
    reason: str


Note = Opened | Received | Sent | Closed


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to connect to, and as whom."""

    device: str
    broker: Broker
    tls: ssl.SSLContext | None
    keepalive_s: int
    will_topic: str = ""
    """Nothing for a service, which nobody misses."""
    will_payload: bytes = b""
    is_lasting: bool = True
    """The broker keeps what comes for it while it is away."""


class Connection:
    """Used by one thread, except where noted."""

    def __init__(self, target: Target, protocol: Protocol) -> None:
        """Prepare; nothing is sent yet."""
        self.protocol: Protocol = protocol
        self.is_open = False
        self._target = target
        self._notes: deque[Note] = deque()
        self._is_over = False
        self._client = _make_client(target, protocol)
        self._client.on_socket_open = send_at_once
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_disconnect = self._on_disconnect
        self._is_dialed = False

    def dial(self, wake: Callable[[], None]) -> None:
        """Begin to connect; ``wake`` is called from another thread when that came to something."""
        threading.Thread(target=self._connect, args=(wake,), name="link-dial", daemon=True).start()

    def socket(self) -> socket.socket | None:
        """Give what to wait on; nothing while connecting and after the end."""
        if self._is_over or not self._is_dialed:
            return None
        sock = self._client.socket()
        assert sock is None or isinstance(sock, socket.socket)  # paho has another kind for WebSockets only
        return sock

    def wants_to_write(self) -> bool:
        """Tell whether something waits for room in the socket."""
        return self._client.want_write()

    def has_news(self) -> bool:
        """Tell whether something happened while a message was published, which the next step will give."""
        return bool(self._notes)

    def step(self, *, is_readable: bool) -> list[Note]:
        """Read and write what can be without waiting, keep the connection alive, and give what happened."""
        sock = self.socket()
        if sock is not None:
            if is_readable:
                self._read()
            if self._client.want_write():
                self._client.loop_write()
            self._client.loop_misc()
        notes = list(self._notes)
        self._notes.clear()
        return notes

    def _read(self) -> None:
        """Take in what has come, but not endlessly: chunks of a file come faster than one a turn."""
        sock, before = self._client.socket(), -1
        while before < len(self._notes) < MAX_AT_ONCE and not self._is_over:
            before = len(self._notes)
            self._client.loop_read()
        while isinstance(sock, ssl.SSLSocket) and not self._is_over and sock.pending():
            self._client.loop_read()

    def subscribe(self, topics: list[str], qos: Literal[0, 1] = 1, *, is_new_only: bool = False) -> None:
        """Ask for topics; what the broker grants proves nothing.

        Args:
            topics: May have wildcards.
            qos: At most.
            is_new_only: Nothing that is retained there, which only MQTT 5 can do.
        """
        if self.protocol == "5":
            options = SubscribeOptions(qos, retainHandling=_NEW_ONLY if is_new_only else 0)
            self._client.subscribe([(topic, options) for topic in topics])
        else:
            self._client.subscribe([(topic, int(qos)) for topic in topics])

    def unsubscribe(self, topics: list[str]) -> None:
        """Ask for topics no longer."""
        self._client.unsubscribe(topics)

    def publish(self, topic: str, payload: bytes, qos: int, *, is_retained: bool) -> int:
        """Send a message and give its number, which comes back as ``Sent``."""
        return self._client.publish(topic, payload, qos, retain=is_retained).mid

    def acknowledge(self, received: Received) -> None:
        """Tell the broker that a message is safe here."""
        if received.qos:
            self._client.ack(received.mid, received.qos)

    def close(self) -> None:
        """Take leave, so that the broker does not announce a death."""
        with suppress(OSError, ValueError):
            self._client.disconnect()
        self.abort()

    def abort(self) -> None:
        """End without a word; one that is still being dialed ends when that has come to something."""
        sock = self.socket()
        self._is_over = True
        if sock is not None:
            sock.close()

    def _connect(self, wake: Callable[[], None]) -> None:
        """Runs in a thread of its own."""
        broker, is_lasting = self._target.broker, self._target.is_lasting
        try:
            self._client.connect(
                broker.host,
                broker.port,
                self._target.keepalive_s,
                clean_start=not is_lasting if self.protocol == "5" else MQTT_CLEAN_START_FIRST_ONLY,
                properties=_session_properties(is_lasting=is_lasting) if self.protocol == "5" else None,
            )
        except (OSError, ValueError) as e:  # of names, addresses and certificates
            self._notes.append(Closed("unreachable", str(e) or type(e).__name__))
        self._is_dialed = True
        if self._is_over:
            self.abort()
        wake()

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._end("version" if code.value == _UNSUPPORTED_VERSION else "refused", str(code))
        else:
            self.is_open = True
            self._notes.append(Opened())

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with suppress(UnicodeDecodeError):  # such a topic is none of ours
            payload = bytes(message.payload)
            self._notes.append(Received(message.topic, payload, message.qos, message.mid, message.retain))

    def _on_publish(
        self, _client: Client, _data: object, mid: int, _code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._notes.append(Sent(mid))

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        is_taken = flags.is_disconnect_packet_from_server and code.value == _TAKEN_OVER
        self._end("taken_over" if is_taken else "lost", str(code))

    def _end(self, cause: Cause, reason: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._notes.append(Closed(cause, reason))
        self.is_open = False


def _make_client(target: Target, protocol: Protocol) -> Client:
    has_5 = protocol == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=target.device,
        clean_session=None if has_5 else not target.is_lasting,  # MQTT 5 says it when it connects
        protocol=MQTTProtocolVersion.MQTTv5 if has_5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(MAX_UNACKNOWLEDGED)
    client.max_queued_messages_set(MAX_UNACKNOWLEDGED)
    if target.tls is not None:
        client.tls_set_context(target.tls)
    if target.will_topic:
        properties = _will_properties() if has_5 else None
        client.will_set(target.will_topic, target.will_payload, qos=1, retain=True, properties=properties)
    return client


def _will_properties() -> Properties:
    properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
    properties.WillDelayInterval = WILL_DELAY_S
    return properties


def _session_properties(*, is_lasting: bool) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_S if is_lasting else 0
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    return properties


def send_at_once(_client: Client, _data: object, sock: object) -> None:
    """Turn Nagle's algorithm off: with it a request and its answer take 78 ms on loopback, without 0.4 ms."""
    assert isinstance(sock, socket.socket)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
