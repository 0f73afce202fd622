"""A client of MQTT with a certificate: what a device, an operator or an intruder can do at a broker."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

PATIENCE_S = 30.0


class CertifiedClient:
    """Connects, or raises what the broker's refusal raises; notes what comes."""

    def __init__(
        self,
        port: int,
        ca: Path,
        certificate: Path,
        key: Path,
        client_id: str = "",
        *,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        will_topic: str | None = None,
    ) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.is_over = False
        self._news = threading.Condition()
        self._is_open = False
        self._taken: set[int] = set()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=protocol, reconnect_on_failure=False)
        if will_topic is not None:
            self._client.will_set(will_topic, b"dead", qos=1, retain=True)
        self._client.tls_set(str(ca), str(certificate), str(key))
        self._client.on_connect = lambda *_: self._note(lambda: setattr(self, "_is_open", True))
        self._client.on_disconnect = lambda *_: self._note(lambda: setattr(self, "is_over", True))
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda _client, _data, mid, *_: self._note(lambda: self._taken.add(mid))
        self._client.on_publish = lambda _client, _data, mid, *_: self._note(lambda: self._taken.add(mid))
        self._client.connect("localhost", port)
        self._client.loop_start()
        self.wait(lambda: self._is_open or self.is_over)
        if self.is_over:
            self.close()
            raise ConnectionRefusedError

    def subscribe(self, topic: str) -> None:
        """Ask for a topic; whether it was granted, only messages tell."""
        _, mid = self._client.subscribe(topic, 1)
        self.wait(lambda: mid in self._taken)

    def publish(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        """Send, and wait for the broker to have it or to hang up."""
        mid = self._client.publish(topic, payload, 1, retain=is_retained).mid
        self.wait(lambda: mid in self._taken or self.is_over)

    def wait(self, is_enough: Callable[[], object]) -> None:
        """Wait until something came that makes ``is_enough`` true."""
        deadline = time.monotonic() + PATIENCE_S
        with self._news:
            while not is_enough():
                if not self._news.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"only {self.messages[-8:]} came")

    def cut(self) -> None:
        """End as a power cut would."""
        sock = self._client.socket()
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
        self.wait(lambda: self.is_over)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._note(lambda: self.messages.append((message.topic, message.payload)))

    def _note(self, take: Callable[[], object]) -> None:
        with self._news:
            take()
            self._news.notify_all()
