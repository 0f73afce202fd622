"""An operator's connection to the site's broker; what devices say comes out in order, one message at a time."""

from __future__ import annotations

import queue
import secrets
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgefuse import clock
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.broker import MARKER_PREFIX
from edgefuse.fleet.site import load_register
from edgefuse.link.connection import send_at_once
from edgefuse.link.topics import Address, parse_topic

GREETING_S = 10.0
KEEPALIVE_S = 30


class BrokerError(EdgefuseError):
    """The broker is not there, or is there no longer; trying again later may help."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a device said."""

    address: Address
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Opened:
    """The broker took us in."""


@dataclass(frozen=True, slots=True)
class _Marked:
    """Our own marker came back."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class _Ended:
    reason: str


_News = Heard | _Opened | _Marked | _Ended


class Session:
    """Used by one thread; paho's own thread only puts what came into a queue, which waits for the reader."""

    def __init__(self, client: Client, name: str) -> None:
        """Take a client that nobody has connected yet."""
        self._client = client
        self._name = name
        self._marker = f"{MARKER_PREFIX}/{name}"
        self._news: queue.SimpleQueue[_News] = queue.SimpleQueue()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message

    def open(self, host: str, port: int) -> None:
        """Connect.

        Raises:
            BrokerError: There is no broker, or it does not take us in.
        """
        try:
            self._client.connect(host, port, KEEPALIVE_S)
        except (OSError, ValueError) as e:  # of names, addresses and certificates
            reason = getattr(e, "strerror", None) or e
            raise BrokerError(f"cannot reach the broker at {host}:{port}: {reason}; is it running?") from e
        self._client.loop_start()
        if not isinstance(self._take(GREETING_S), _Opened):
            raise BrokerError(f"cannot reach the broker at {host}:{port}: it does not greet")
        self._client.subscribe(self._marker, 0)

    def close(self) -> None:
        """Take leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, topics: Sequence[str], qos: int) -> None:
        """Ask for topics; what the broker retained comes first.

        Many devices are asked for at QoS 0: mosquitto drops what is retained at QoS 1 beyond a thousand messages.
        """
        self._client.subscribe([(topic, qos) for topic in topics])

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at QoS 1."""
        self._client.publish(topic, payload, 1)

    def hold(self, messages: Iterable[tuple[str, bytes]], timeout_s: float) -> None:
        """Have the broker hold messages, each for whoever asks for its topic; what is heard meanwhile is passed over.

        An empty message has the broker forget what it holds there.

        Raises:
            BrokerError: The connection is lost, or the broker does not have all of them in that time.
        """
        for topic, payload in messages:
            self._client.publish(topic, payload, 1, retain=True)
        for _ in self.receive_retained(timeout_s):  # its marker is behind them
            pass

    def receive(self, timeout_s: float) -> Heard | None:
        """Wait for the next message; give nothing when none came in that time.

        Raises:
            BrokerError: The connection is lost.
        """
        end_ns = clock.now_ns() + round(timeout_s * clock.NS_PER_S)
        while True:
            news = self._take((end_ns - clock.now_ns()) / clock.NS_PER_S)
            if news is None or isinstance(news, Heard):
                return news

    def receive_retained(self, timeout_s: float) -> Iterator[Heard]:
        """Give what the broker holds for the subscriptions so far; a marker to ourselves tells where it ends.

        Raises:
            BrokerError: The connection is lost, or not all of it came in that time.
        """
        marker = secrets.token_bytes(8)
        self.publish(self._marker, marker)
        end_ns = clock.now_ns() + round(timeout_s * clock.NS_PER_S)
        while (news := self._take((end_ns - clock.now_ns()) / clock.NS_PER_S)) != _Marked(marker):
            if isinstance(news, Heard):
                yield news
            elif news is None:
                raise BrokerError(f"cannot read from the broker: not all that it holds came in {timeout_s:g} s")

    def _take(self, timeout_s: float) -> _News | None:
        try:
            news = self._news.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None
        if isinstance(news, _Ended):
            raise BrokerError(f"cannot read from the broker: the connection ended ({news.reason})")
        return news

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._news.put(_Ended(str(code)) if code.is_failure else _Opened())

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._news.put(_Ended(str(code)))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        """An exception here would end paho's thread, so what is in no row of the topic table is passed over."""
        try:
            topic, payload = message.topic, bytes(message.payload)
            news = _Marked(payload) if topic == self._marker else Heard(parse_topic(topic), payload)
        except (ValueError, UnicodeDecodeError):
            return
        self._news.put(news)


@contextmanager
def connected(folder: Path) -> Iterator[Session]:
    """Connect to the broker of the site in a folder, as its operator.

    Raises:
        ConfigError: There is no site, or its certificate cannot be read.
        BrokerError: There is no broker, or it does not take us in.
    """
    broker = load_register(folder).operators_broker
    name = f"operator-{secrets.token_hex(8)}"
    client = Client(
        CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv311, reconnect_on_failure=False
    )
    client.on_socket_open = send_at_once
    client.tls_set_context(make_tls(folder))
    session = Session(client, name)
    try:
        session.open(broker.host, broker.port)
        yield session
    finally:
        session.close()


def make_tls(folder: Path) -> ssl.SSLContext:
    """Give what the operator proves itself to the broker with.

    Raises:
        ConfigError: A certificate or key cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "operator.pem", folder / "operator.key")
    except OSError as e:  # ssl's own errors too
        raise ConfigError(f"cannot use the operator's certificate in {folder}: {e.strerror or e}") from e
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
