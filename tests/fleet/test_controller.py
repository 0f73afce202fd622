"""The controller at a real mosquitto: what devices say gets into the store, whatever happens on the way."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from fakes.broker import serving
from fakes.controlling import INFLIGHT, Place, events, wait_for
from fakes.postgresql import PostgreSql
from fakes.proxy import CONNECT, Answer, Direction, Pass, Proxy, Step, kind
from fakes.sayings import DEPLOYMENT, EVENT, INVENTORY, ONLINE, PIPELINE, SYSTEM
from fakes.sender import Sender

from edgefuse.link.messages import encode
from edgefuse.link.topics import INVENTORY as INVENTORY_TOPIC
from edgefuse.link.topics import STATE, make_topic


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Everything but a controller."""
    url = f"sqlite:///{tmp_path}/x.sqlite"
    if getattr(request, "param", "sqlite") == "postgresql":
        url = request.getfixturevalue("postgresql").empty_database()
    with serving(tmp_path / "broker", INFLIGHT) as broker, closing(Place(broker, url)) as place:
        yield place


def test_everything_that_is_said_gets_into_the_store(place: Place) -> None:
    with place.controlling():
        place.sender.say(ONLINE, INVENTORY, DEPLOYMENT, SYSTEM, PIPELINE, EVENT)
        wait_for(lambda: (record := place.store.device("a")) and record.pipeline and place.numbers())
    record = place.store.device("a")
    assert record is not None
    found = (record.state, record.inventory, record.deployment, record.system, record.pipeline)
    assert found == (ONLINE, INVENTORY, DEPLOYMENT, SYSTEM, PIPELINE)
    assert record.presence == "online"
    assert len(place.store.series("a", "temp_c", record.reported_s - 60, record.reported_s + 60, 10)) == 1  # type: ignore[operator]


def test_what_the_broker_holds_fills_an_empty_store(place: Place) -> None:
    for number in range(30):
        place.sender.say(ONLINE, INVENTORY, DEPLOYMENT, device=f"d{number}")
    with place.controlling():
        pass
    records = place.store.devices()
    assert [record.device for record in records] == sorted(f"d{number}" for number in range(30))
    assert all((r.state, r.inventory, r.deployment) == (ONLINE, INVENTORY, DEPLOYMENT) for r in records)


def test_what_changed_while_nobody_listened_is_known_at_once(place: Place) -> None:
    with place.controlling():
        place.sender.say(ONLINE)
    place.sender.say(msgspec.structs.replace(ONLINE, presence="offline"))
    with place.controlling():
        wait_for(lambda: (record := place.store.device("a")) and record.presence == "offline")


def test_device_that_is_taken_from_the_broker_is_forgotten(place: Place) -> None:
    with place.controlling():
        place.sender.say(ONLINE, INVENTORY)
        wait_for(place.store.devices)
        for topic in (STATE, INVENTORY_TOPIC):
            place.sender.publish(make_topic("a", topic), b"", is_retained=True)
        wait_for(lambda: not place.store.devices())


def test_what_changes_nothing_is_acknowledged_too(place: Place) -> None:
    with place.controlling() as controller:
        place.sender.say(ONLINE)
        wait_for(place.store.devices)
        before = controller.counts.committed
        place.sender.publish(make_topic("a", INVENTORY_TOPIC), b"", is_retained=True)  # which it never had
        wait_for(lambda: controller.counts.committed > before)


def test_events_wait_for_a_controller_that_is_away(place: Place) -> None:
    with place.controlling():
        place.sender.say(*events(10))
    place.sender.say(*events(500, first=10))
    with place.controlling():
        wait_for(lambda: len(place.numbers()) >= 510)
    assert place.numbers() == list(range(510))


def test_events_that_were_not_safe_come_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgefuse.fleet.database.BUSY_S", 0.1)
    with place.controlling():
        place.sender.say(*events(5))
        wait_for(lambda: len(place.numbers()) == 5)
    path = place.url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as other, place.controlling():
        other.execute("BEGIN EXCLUSIVE")
        place.sender.say(*events(300, first=5))
    # This controller was told to stop while it could write nothing, and has acknowledged nothing.
    assert place.numbers() == list(range(5))
    with place.controlling():
        wait_for(lambda: len(place.numbers()) >= 305)
    assert place.numbers() == list(range(305))


def test_database_that_comes_back_gets_everything(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgefuse.fleet.database.BUSY_S", 0.1)
    monkeypatch.setattr("edgefuse.fleet.controller.MAX_WAITING", 50)
    path = place.url.removeprefix("sqlite:///")
    with place.controlling() as controller, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        place.sender.say(ONLINE, *events(400))
        wait_for(lambda: controller.counts.taken >= 50)
        place.sender.say(*events(400, first=400))
        assert len(place.numbers()) == 0
        other.rollback()
        wait_for(lambda: len(place.numbers()) >= 800)
    assert place.numbers() == list(range(800))


def test_broker_that_was_killed_is_listened_to_again(place: Place) -> None:
    with place.controlling():
        place.sender.say(*events(5))
        wait_for(lambda: len(place.numbers()) == 5)
        place.broker.kill()
        place.broker.start()
        with closing(Sender(place.broker.port)) as sender:

            def is_heard() -> bool:
                sender.say(*events(1, first=5))  # again and again: the broker was killed before it saved the session
                return place.numbers() == list(range(6))

            wait_for(is_heard)


def count_reports(place: Place, device: str) -> int:
    """Give how many reports of a device of the last minutes are in the store, as often as they are there."""
    now_s = time.time()
    return sum(point.count for point in place.store.series(device, "temp_c", now_s - 1800, now_s + 10, 10))


@pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
def test_two_controllers_share_reports_and_both_know_all_else(place: Place) -> None:
    with place.controlling("one") as one, place.controlling("two") as two:
        place.sender.say(*events(100), *[msgspec.structs.replace(SYSTEM, n=number) for number in range(400)])
        wait_for(lambda: one.counts.taken + two.counts.taken >= 2 * 100 + 400)
        assert min(one.counts.taken, two.counts.taken) > 100 + place.probes
    assert count_reports(place, "a") == 400
    assert place.numbers() == list(range(100))


def refuse_5(direction: Direction, packet: bytes) -> list[Step]:
    """What a broker does that knows MQTT 3.1.1 only: its name and level are followed by a 4."""
    is_5 = direction == "up" and kind(packet) == CONNECT and packet[packet.index(b"MQTT") + 4] == 5
    return [Answer(b"\x20\x03\x00\x84\x00")] if is_5 else [Pass(packet)]


def test_controllers_take_turns_where_reports_are_not_shared_out(place: Place) -> None:
    proxy = Proxy(place.broker.port)
    proxy.rule = refuse_5

    def is_heard() -> bool:
        place.sender.say(ONLINE, SYSTEM, device="first")
        record = place.store.device("first")
        return record is not None and record.system is not None

    with closing(proxy), place.controlling("one", url=proxy.url), place.controlling("two", url=proxy.url):
        wait_for(is_heard)
        place.sender.say(ONLINE, *[msgspec.structs.replace(SYSTEM, n=number) for number in range(50)])
        wait_for(lambda: (record := place.store.device("a")) and record.system and record.system.n == 49)
    assert count_reports(place, "a") == 50


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("state", b"nonsense"),
        ("ev", b'{"v":9}'),
        ("ev", encode(msgspec.structs.replace(EVENT, n=0)).replace(b'"n":0', b'"n":99999999999999999999999')),
        ("deployment", b"\xff\xfe"),
    ],
)
def test_nonsense_is_passed_over_and_does_not_come_again(place: Place, name: str, payload: bytes) -> None:
    with place.controlling() as controller:
        place.sender.publish(f"ef/v1/d/a/up/{name}", payload)
        place.sender.say(EVENT)
        wait_for(place.numbers)
        assert controller.counts.unreadable == 1
    with place.controlling() as controller:
        place.sender.say(*events(1, first=2))
        wait_for(lambda: len(place.numbers()) == 2)
        assert controller.counts.unreadable == 0


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_postgresql_that_goes_away_gets_everything_when_it_is_back(place: Place, postgresql: PostgreSql) -> None:
    with place.controlling() as controller:
        place.sender.say(*events(5))
        wait_for(lambda: len(place.numbers()) == 5)
        postgresql.stop()
        before = controller.counts.committed
        place.sender.say(*events(200, first=5))
        wait_for(lambda: controller.counts.taken > before)
        assert controller.counts.committed == before
        postgresql.start()
        wait_for(lambda: len(place.numbers()) >= 205)
    assert place.numbers() == list(range(205))
