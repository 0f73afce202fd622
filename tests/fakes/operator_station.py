"""An operator at the other end of the link: sees everything that a device says, and signs commands for it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY

import msgspec
from nacl.signing import SigningKey
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgefuse.link.envelope import seal
from edgefuse.link.messages import Command, Event, Reply, decode, encode
from edgefuse.link.operators import OperatorEntry, OperatorFile, Role, make_key_id
from edgefuse.link.topics import COMMAND, EVENT, REPLY, make_topic, parse_topic

PATIENCE_S = 20.0


class Signer:
    """One key, and the numbers that it has used."""

    def __init__(self, seed: int = 0) -> None:
        self.key = SigningKey(bytes([seed]) * 32)
        self.key_id = make_key_id(self.key.verify_key)
        self._seq = itertools.count(1)

    def make(self, command: str, device: str = "dev1", args: object = None, **changes: object) -> Command:
        """Give a command that is valid for a minute, changed as wished."""
        seq = next(self._seq)
        fresh = Command(
            id=f"c{seq}",
            device=device,
            key_id=self.key_id,
            seq=seq,
            expires_at=in_seconds(60.0),
            command=command,
            args=msgspec.Raw(msgspec.json.encode({} if args is None else args)),
        )
        return msgspec.structs.replace(fresh, **changes)

    def seal(self, command: str, device: str = "dev1", args: object = None, **changes: object) -> bytes:
        """Give a signed envelope with such a command."""
        return seal(self.make(command, device, args, **changes), self.key)


def in_seconds(seconds: float) -> str:
    """Give a time as commands have it."""
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()


def trust(path: Path, *signers: Signer, role: Role = "operator") -> None:
    """Write the file of trusted keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = tuple(OperatorEntry(bytes(signer.key.verify_key), role) for signer in signers)
    path.write_bytes(encode(OperatorFile(operators=entries)))


class Observer:
    """Subscribed to all that devices say."""

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        """Topic, payload and whether the broker had retained it."""
        self.subscriptions = 0
        """How often the broker has taken the subscription; a broker that was killed may have forgotten it."""
        self._news = threading.Condition()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id="observer",
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        self._client.on_socket_open = lambda _client, _data, sock: sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("ef/v1/d/+/up/#", 1)
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(0.1, 0.2)
        self._client.on_subscribe = self._on_subscribe
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait(lambda: self.subscriptions)

    def send(self, payload: bytes, device: str = "dev1") -> None:
        """Send on the topic of commands."""
        self._client.publish(make_topic(device, COMMAND), payload, 1)

    def publish(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        """Send anything."""
        self._client.publish(topic, payload, 1, retain=is_retained)

    def wait(self, is_enough: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
        """Wait until something came that makes ``is_enough`` true."""
        deadline = time.monotonic() + patience_s
        with self._news:
            while not is_enough():
                if not self._news.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"only {self.messages[-8:]} came")

    def on(self, name: str) -> list[bytes]:
        """Give what came on a topic, by its name in the table."""
        return [payload for topic, payload, _ in list(self.messages) if parse_topic(topic).topic.name == name]

    def reply(self, id: str) -> Reply:
        """Wait for the reply to a command."""
        topic = make_topic("dev1", REPLY, id)
        self.wait(lambda: any(t == topic for t, *_ in self.messages))
        return decode(next(payload for t, payload, _ in self.messages if t == topic), Reply)

    def events(self) -> list[Event]:
        """Give the events so far in the order of their first arrival, each once, as a reader that knows repetitions."""
        seen = {}
        for payload in self.on(EVENT.name):
            event = decode(payload, Event)
            seen.setdefault((event.stream, event.n), event)
        return list(seen.values())

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_subscribe(self, *_: object) -> None:
        with self._news:
            self.subscriptions += 1
            self._news.notify_all()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._news:
            self.messages.append((message.topic, message.payload, message.retain))
            self._news.notify_all()
