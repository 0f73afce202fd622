"""What updates need of the link: wishes and chunks in, deployments and requests out; over a real broker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from fakes.broker import Broker
from fakes.daemon import Daemon, linked
from fakes.operator_station import PATIENCE_S, Observer, Signer
from fakes.proxy import CONNECT, Answer, Cut, Direction, Pass, Proxy, Step, kind, pass_on
from fakes.sayings import DEPLOYMENT
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edgefuse.link.commands import CancelUpdate
from edgefuse.link.connection import MAX_PACKET_BYTES, send_at_once
from edgefuse.link.messages import Deployment, Desired, decode, encode

WISH = Desired(release="7", deployment="d1", seq=3)
DESIRED = "ef/v1/d/dev1/dn/desired"
CHUNK_BYTES = 64 << 10


def only_3_1_1(direction: Direction, packet: bytes) -> list[Step]:
    """Refuse MQTT 5 as a broker does that knows it not."""
    is_5 = direction == "up" and kind(packet) == CONNECT and packet[packet.index(b"MQTT") + 4] == 5
    return [Answer(bytes([0x20, 2, 0, 1])), Cut()] if is_5 else [Pass(packet)]


@pytest.fixture(params=["5", "3.1.1"])
def proxy(broker: Broker, request: pytest.FixtureRequest) -> Iterator[Proxy]:
    """The network between the device and its broker, in each version of the protocol in turn."""
    proxy = Proxy(broker.port)
    proxy.rule = pass_on if request.param == "5" else only_3_1_1
    yield proxy
    proxy.close()


@contextmanager
def repository(port: int, chunk: bytes) -> Iterator[None]:
    """Answer each request with its own bytes and a chunk."""

    def answer(client: Client, _data: object, message: MQTTMessage) -> None:
        client.publish("ef/v1/d/dev1/dn/repo/r1", message.payload + chunk, 0)

    ready = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, "repository")
    client.on_socket_open = send_at_once
    client.on_connect = lambda client, *_: client.subscribe("ef/v1/d/+/up/repo/req", 0)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = answer
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert ready.wait(PATIENCE_S)
    yield
    client.disconnect()
    client.loop_stop()


def hold(observer: Observer, payload: bytes) -> None:
    """Have the broker hold a wish."""
    observer.publish(DESIRED, payload, is_retained=True)


@pytest.mark.parametrize("proxy", ["5"], indirect=True)  # with 3.1.1 the second pause is long
def test_wish_and_deployment_come_again_on_each_connection(
    tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon
) -> None:
    with linked(tmp_path, daemon, proxy.url) as link:
        link.set_deployment(DEPLOYMENT)
        observer.wait(lambda: observer.on("up/deployment"))
        hold(observer, encode(WISH))
        daemon.wait(lambda: daemon.wishes)
        count = len(daemon.wishes)
        proxy.cut()
        daemon.wait(lambda: len(daemon.wishes) > count)
        observer.wait(lambda: len(observer.on("up/deployment")) > 1)
    assert set(daemon.wishes) == {WISH}


def test_wish_waits_for_a_device_that_is_away(tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon) -> None:
    hold(observer, encode(WISH))
    with linked(tmp_path, daemon, proxy.url):
        daemon.wait(lambda: daemon.wishes)
    assert daemon.wishes[0] == WISH


def test_wish_that_was_taken_back_is_none(tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon) -> None:
    with linked(tmp_path, daemon, broker.url):
        observer.wait(lambda: observer.on("up/tm/sys"))
        hold(observer, b"")
        hold(observer, encode(WISH))
        daemon.wait(lambda: daemon.wishes)
    assert not [event for event in observer.events() if event.kind == "wish_refused"]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff",
        b"[" * 9999,
        b'{"release":"7","deployment":"d1"}',
        b'{"v":2,"release":"7","deployment":"d1","seq":1}',
        b'{"release":"../7","deployment":"d1","seq":1}',
        b'{"release":"7","deployment":"d/1","seq":1}',
        b'{"release":"7","deployment":"d1","seq":-1}',
        b'{"release":"7","deployment":"d1","seq":1000000000000000000000000}',
    ],
)
def test_nonsense_is_told_of_once(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon, nonsense: bytes
) -> None:
    with linked(tmp_path, daemon, broker.url):
        observer.wait(lambda: observer.on("up/tm/sys"))
        hold(observer, nonsense)
        hold(observer, nonsense)
        hold(observer, encode(WISH))
        daemon.wait(lambda: daemon.wishes)
        observer.wait(lambda: any(event.kind == "wish_refused" for event in observer.events()))
    assert sum(event.kind == "wish_refused" for event in observer.events()) == 1


def test_each_request_is_answered_without_waiting_for_anything(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon
) -> None:
    requests = [f"r{n:03}".encode() for n in range(200)]
    with linked(tmp_path, daemon, broker.url) as link, repository(broker.port, bytes(CHUNK_BYTES)):
        observer.wait(lambda: observer.on("up/tm/sys"))
        for n, request in enumerate(requests, 1):
            link.request_chunk(request)
            daemon.wait(lambda n=n: len(daemon.chunks) == n)  # ticks come every 5 s, and patience is 20 s
    assert [chunk[:4] for chunk in daemon.chunks] == requests
    assert {chunk[4:] for chunk in daemon.chunks} == {bytes(CHUNK_BYTES)}


def test_window_of_requests_is_answered_whole(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon
) -> None:
    with linked(tmp_path, daemon, broker.url) as link, repository(broker.port, bytes(CHUNK_BYTES)):
        observer.wait(lambda: observer.on("up/tm/sys"))
        for n in range(32):
            link.request_chunk(f"r{n:03}".encode())
        daemon.wait(lambda: len(daemon.chunks) == 32)
    assert sorted(chunk[:4] for chunk in daemon.chunks) == [f"r{n:03}".encode() for n in range(32)]


def test_events_and_replies_go_on_beside_a_flood_of_chunks(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    is_over = threading.Event()
    with linked(tmp_path, daemon, broker.url) as link, repository(broker.port, bytes(CHUNK_BYTES)):

        def ask() -> None:
            daemon.chunks.clear()
            if not is_over.is_set():
                link.request_chunk(b"more")
                daemon.loop.call_later(0.001, ask)

        observer.wait(lambda: observer.on("up/tm/sys"))
        daemon.loop.call_soon_threadsafe(ask)
        observer.send(signer.seal("cancel-update", args={"reason": "enough"}, id="one"))
        assert observer.reply("one").outcome == "done"
        link.say("info", "told", "heard")
        observer.wait(lambda: any(event.text == "heard" for event in observer.events()))
        is_over.set()
    assert daemon.performed == [CancelUpdate(reason="enough")]


def test_request_while_offline_is_forgotten(tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon) -> None:
    with linked(tmp_path, daemon, "mqtt://127.0.0.1:1") as link:
        for _ in range(1000):
            link.request_chunk(b"too early")
    with linked(tmp_path, daemon, broker.url) as link, repository(broker.port, b""):
        observer.wait(lambda: observer.on("up/tm/sys"))
        link.request_chunk(b"in time")
        daemon.wait(lambda: daemon.chunks)
    assert daemon.chunks == [b"in time"]


def test_chunk_larger_than_any_packet_is_dropped(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon
) -> None:
    with linked(tmp_path, daemon, broker.url):
        observer.wait(lambda: observer.on("up/tm/sys"))
        observer.publish("ef/v1/d/dev1/dn/repo/r1", bytes(MAX_PACKET_BYTES + 1))
        observer.publish("ef/v1/d/dev1/dn/repo/r1", b"small")
        daemon.wait(lambda: daemon.chunks)
    assert daemon.chunks == [b"small"]


def test_newest_deployment_wins_and_is_held(tmp_path: Path, broker: Broker, daemon: Daemon) -> None:
    newest = msgspec.structs.replace(DEPLOYMENT, state="FETCH", seq=9, done_bytes=5, total_bytes=10)
    with linked(tmp_path, daemon, broker.url) as link:
        for deployment in (DEPLOYMENT, newest, DEPLOYMENT):
            link.set_deployment(deployment)
        first = Observer(broker.port)
        first.wait(lambda: first.on("up/deployment") and first.on("up/tm/sys"))
        first.close()
        late = Observer(broker.port)
        late.wait(lambda: late.on("up/deployment"))
        late.close()
    assert decode(late.on("up/deployment")[0], Deployment) == newest


def test_deployment_that_ends_offline_is_told_of_later(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon
) -> None:
    with linked(tmp_path, daemon, broker.url) as link:
        link.set_deployment(DEPLOYMENT)
        observer.wait(lambda: observer.on("up/deployment"))
        subscriptions = observer.subscriptions
        broker.kill()
        ended = msgspec.structs.replace(DEPLOYMENT, state="COMMITTED", seq=8)
        link.set_deployment(ended)
        broker.start()
        observer.wait(lambda: observer.subscriptions > subscriptions)
        observer.wait(lambda: decode(observer.on("up/deployment")[-1], Deployment) == ended)
