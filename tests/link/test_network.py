"""The link over networks that cut, repeat, reorder, swallow, and brokers that die, freeze or are old."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.broker import Broker, free_port, serving
from fakes.certificates import make_credentials
from fakes.daemon import Daemon, linked
from fakes.operator_station import Observer, Signer
from fakes.proxy import CONNECT, PUBACK, PUBLISH, Answer, Cut, Direction, Pass, Proxy, Step, cut_off, kind, pass_on
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgefuse.link.messages import Event, State, decode
from edgefuse.link.spool import Spool


@pytest.fixture
def proxy(broker: Broker) -> Iterator[Proxy]:
    """The network between the device and its broker."""
    proxy = Proxy(broker.port)
    yield proxy
    proxy.close()


_TLS_LISTENER = """\
listener {port} 127.0.0.1
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
require_certificate true
use_identity_as_username true
use_username_as_clientid true
"""


def texts(observer: Observer) -> list[str]:
    """Give what was said, in the order in which it came."""
    return [event.text for event in observer.events() if event.kind == "told"]


def waiting(folder: Path) -> list[Event]:
    """Give the events that a stopped device still has."""
    spool = Spool(folder / "state/spool")
    spool.rewind()
    records = list(iter(spool.read_next, None))
    spool.close()
    return [decode(record.payload, Event) for record in records if record.topic == "up/ev"]


def restart(broker: Broker, proxy: Proxy, observer: Observer) -> None:
    """Start the broker again, and let the device to it once the observer listens."""
    proxy.rule = cut_off
    subscriptions = observer.subscriptions
    broker.start()
    observer.wait(lambda: observer.subscriptions > subscriptions)
    proxy.rule = pass_on


def test_events_of_an_outage_come_in_order(
    tmp_path: Path, broker: Broker, proxy: Proxy, observer: Observer, daemon: Daemon
) -> None:
    with linked(tmp_path, daemon, proxy.url) as link:
        for i in range(100):
            link.say("info", "told", str(i))
        observer.wait(lambda: len(texts(observer)) == 100)
        broker.kill()
        for i in range(100, 300):
            link.say("info", "told", str(i))
        restart(broker, proxy, observer)
        observer.wait(lambda: len(texts(observer)) == 300)
    assert texts(observer) == [str(i) for i in range(300)]


def test_events_survive_the_device(
    tmp_path: Path, broker: Broker, proxy: Proxy, observer: Observer, daemon: Daemon
) -> None:
    broker.kill()
    with linked(tmp_path, daemon, proxy.url) as link:
        for i in range(100):
            link.say("info", "told", str(i))
    assert [event.text for event in waiting(tmp_path)] == [str(i) for i in range(100)]
    restart(broker, proxy, observer)
    with linked(tmp_path, daemon, proxy.url):
        observer.wait(lambda: len(texts(observer)) == 100)
    assert texts(observer) == [str(i) for i in range(100)]


def test_cut_in_the_middle_of_a_message_loses_nothing(
    tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon
) -> None:
    counter = itertools.count()

    def cut_the_tenth(direction: Direction, packet: bytes) -> list[Step]:
        if direction == "up" and kind(packet) == PUBLISH and b"/up/ev" in packet and next(counter) == 10:
            return [Pass(packet[: len(packet) // 2]), Cut()]
        return [Pass(packet)]

    proxy.rule = cut_the_tenth
    with linked(tmp_path, daemon, proxy.url) as link:
        for i in range(50):
            link.say("info", "told", str(i))
        observer.wait(lambda: len(texts(observer)) == 50)
    assert texts(observer) == [str(i) for i in range(50)]
    assert proxy.accepted == 2


@pytest.mark.parametrize("part", ["command", "acknowledgement"])
def test_cut_around_a_command_does_it_once(
    tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon, signer: Signer, *, part: str
) -> None:
    counter = itertools.count()

    def cut_the_first(direction: Direction, packet: bytes) -> list[Step]:
        wanted = ("down", PUBLISH) if part == "command" else ("up", PUBACK)
        if (direction, kind(packet)) == wanted and next(counter) == 0:
            return [Pass(packet[: len(packet) // 2]), Cut()]
        return [Pass(packet)]

    with linked(tmp_path, daemon, proxy.url):
        observer.wait(lambda: observer.on("up/state"))
        proxy.rule = cut_the_first
        observer.send(signer.seal("pause", id="one"))
        assert observer.reply("one").outcome == "done"
    assert len(daemon.performed) == 1


def test_lost_acknowledgements_repeat_events_and_lose_none(
    tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon
) -> None:
    downs = itertools.count()

    def cut_on_the_third_acknowledgement(direction: Direction, packet: bytes) -> list[Step]:
        if direction == "down" and kind(packet) == 4 and next(downs) == 3:
            return [Cut()]
        return [Pass(packet)]

    proxy.rule = cut_on_the_third_acknowledgement
    with linked(tmp_path, daemon, proxy.url) as link:
        for i in range(20):
            link.say("info", "told", str(i))
        observer.wait(lambda: len(texts(observer)) == 20)
    assert texts(observer) == [str(i) for i in range(20)]
    assert len(observer.on("up/ev")) > 20


def test_command_that_comes_twice_is_performed_once(
    tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    def repeat(direction: Direction, packet: bytes) -> list[Step]:
        return [Pass(packet)] * (2 if direction == "down" and kind(packet) == PUBLISH else 1)

    proxy.rule = repeat
    with linked(tmp_path, daemon, proxy.url):
        observer.wait(lambda: observer.on("up/state"))
        observer.send(signer.seal("pause", id="one"))
        observer.reply("one")
        observer.send(signer.seal("resume", id="two"))
        observer.reply("two")
    assert len(daemon.performed) == 2


def test_commands_in_wrong_order_do_not_undo_each_other(
    tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon, signer: Signer
) -> None:
    held: list[bytes] = []

    def swap(direction: Direction, packet: bytes) -> list[Step]:
        if direction == "up" or kind(packet) != PUBLISH:
            return [Pass(packet)]
        if not held:
            held.append(packet)
            return []
        return [Pass(packet), Pass(held[0])]

    with linked(tmp_path, daemon, proxy.url):
        observer.wait(lambda: observer.on("up/state"))
        proxy.rule = swap
        observer.send(signer.seal("pause", id="one"))
        observer.send(signer.seal("resume", id="two"))
        outcomes = (observer.reply("two").outcome, observer.reply("one").outcome)
    assert outcomes == ("done", "refused")
    assert len(daemon.performed) == 1


@pytest.mark.parametrize("refusal", [[Answer(bytes([0x20, 2, 0, 1])), Cut()], [Cut()]], ids=["says so", "hangs up"])
def test_broker_without_mqtt_5_is_spoken_to_in_3_1_1(
    tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon, refusal: list[Step]
) -> None:
    def refuse_5(direction: Direction, packet: bytes) -> list[Step]:
        is_5 = direction == "up" and kind(packet) == CONNECT and packet[packet.index(b"MQTT") + 4] == 5
        return refusal if is_5 else [Pass(packet)]

    proxy.rule = refuse_5
    with linked(tmp_path, daemon, proxy.url):
        observer.wait(lambda: observer.on("up/tm/sys"))
    assert decode(observer.on("up/state")[0], State).mqtt == "3.1.1"


def test_device_that_is_thrown_out_for_another_keeps_away_and_reports_it(
    tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon
) -> None:
    def take_over(direction: Direction, packet: bytes) -> list[Step]:
        is_event = direction == "up" and b"/up/ev" in packet
        return [Answer(bytes([0xE0, 2, 0x8E, 0])), Cut()] if is_event else [Pass(packet)]

    proxy.rule = take_over
    with linked(tmp_path, daemon, proxy.url) as link:
        observer.wait(lambda: observer.on("up/tm/sys"))
        link.say("info", "told", "now")
        time.sleep(3.0)  # the first pause of this device is 1.5 s where nobody else is there
    assert proxy.accepted == 1
    assert [event.kind for event in waiting(tmp_path)] == ["told", "session_taken"]


def test_two_clients_with_one_id_do_not_throw_each_other_out_for_ever(
    tmp_path: Path, proxy: Proxy, broker: Broker, observer: Observer, daemon: Daemon
) -> None:
    other = Client(CallbackAPIVersion.VERSION2, "dev1", protocol=MQTTProtocolVersion.MQTTv5)
    other.reconnect_delay_set(0.1, 0.1)
    with linked(tmp_path, daemon, proxy.url):
        observer.wait(lambda: observer.on("up/tm/sys"))
        other.connect("127.0.0.1", broker.port)
        other.loop_start()
        time.sleep(5.0)
        connections = proxy.accepted
        other.disconnect()
        other.loop_stop()
    assert connections <= 3


def test_silent_network_delays_nobody(tmp_path: Path, proxy: Proxy, observer: Observer, daemon: Daemon) -> None:
    proxy.is_silent = True
    with linked(tmp_path, daemon, proxy.url) as link:
        began = time.monotonic()
        for i in range(200):
            link.say("info", "told", str(i))
        assert time.monotonic() - began < 0.5
    assert time.monotonic() - began < 5.0
    assert [event.text for event in waiting(tmp_path)] == [str(i) for i in range(200)]


def test_frozen_broker_fills_the_spool_not_the_memory(
    tmp_path: Path, broker: Broker, observer: Observer, daemon: Daemon
) -> None:
    with linked(tmp_path, daemon, broker.url) as link:
        observer.wait(lambda: observer.on("up/tm/sys"))
        broker.freeze()
        for i in range(300):
            link.say("info", "told", str(i) + "." * 1900)
        broker.thaw()
        observer.wait(lambda: len(texts(observer)) == 300)
    assert [int(text.rstrip(".")) for text in texts(observer)] == list(range(300))


def test_device_proves_itself_by_certificate(tmp_path: Path, daemon: Daemon) -> None:
    credentials = tmp_path / "credentials"
    make_credentials(credentials, "dev1")
    port = free_port()
    with serving(tmp_path / "broker", _TLS_LISTENER.format(port=port, folder=credentials)) as broker:
        observer = Observer(broker.port)
        with linked(tmp_path, daemon, f"mqtts://localhost:{port}"):
            observer.wait(lambda: observer.on("up/tm/sys"))
        observer.close()
