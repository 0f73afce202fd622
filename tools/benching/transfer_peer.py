"""The far ends of a transfer, each in a process of its own: the repository service, and two that only speak paho."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgefuse.config.link import parse_broker
from edgefuse.fleet.repository import RepositoryService, find_published
from edgefuse.link.connection import Target, send_at_once
from edgefuse.ota.chunks import MAX_CHUNK_BYTES

REQUEST, CHUNK = "bare/req", "bare/chunk"


def serve(url: str, folder: str) -> None:
    """Run the service until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    target = Target("repository", parse_broker(url), None, 60, is_lasting=False)
    RepositoryService(target, find_published(Path(folder))).run(stop)


def answer(url: str) -> None:
    """Send a chunk for every request, from memory, until killed."""
    chunk = bytes(MAX_CHUNK_BYTES)
    client = _connect(url, REQUEST, lambda client, _: client.publish(CHUNK, chunk))
    print("ready", flush=True)
    client.loop_forever()


def ask(url: str, window: str, size_mb: str) -> None:
    """Ask for so many chunks at once until so much has come, and print how many MB came in a second."""
    wanted = int(size_mb) * 1_000_000 // MAX_CHUNK_BYTES
    came = 0

    def take(client: Client, _message: MQTTMessage) -> None:
        nonlocal came
        came += 1
        if came >= wanted:
            client.disconnect()
        else:
            client.publish(REQUEST, b"next")

    client = _connect(url, CHUNK, take)
    began_s = time.perf_counter()
    for _ in range(int(window)):
        client.publish(REQUEST, b"next")
    client.loop_forever()
    print(came * MAX_CHUNK_BYTES / 1e6 / (time.perf_counter() - began_s), flush=True)


def _connect(url: str, topic: str, take: Callable[[Client, MQTTMessage], object]) -> Client:
    """Give a client that is subscribed."""
    broker = parse_broker(url)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_socket_open = send_at_once
    client.on_message = lambda client, _, message: take(client, message)
    subscribed = []
    client.on_subscribe = lambda *_: subscribed.append(True)
    client.on_connect = lambda *_: client.subscribe(topic, 0)
    client.connect(broker.host, broker.port)
    while not subscribed:
        client.loop(0.1)
    return client


if __name__ == "__main__":
    {"serve": serve, "answer": answer, "ask": ask}[sys.argv[1]](*sys.argv[2:])
