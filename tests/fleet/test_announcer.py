"""Home Assistant at the site's real broker: what it is told, and what it may do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from fakes.certified import CertifiedClient
from fakes.records import STATE, make_record, make_register
from fleet.conftest import Fleet
from fleet.test_network import refuses, wait_for

from edgefuse.fleet.announcer import Announcer, find_news
from edgefuse.fleet.broker import reload_broker
from edgefuse.fleet.enrolment import let_in_home_assistant, revoke, shut_out_home_assistant
from edgefuse.fleet.home_assistant import BIRTH_TOPIC, discovery_topic
from edgefuse.fleet.session import make_tls
from edgefuse.fleet.site import Member, changing, load_register, save_register
from edgefuse.fleet.store import DeviceRecord
from edgefuse.link.connection import Target

brokers = pytest.mark.parametrize("fleet", ["mosquitto", "embedded"], indirect=True)
TOPIC = discovery_topic("door-3")
REVOKED = Member(serial="a1", key_id="k1", is_revoked=True)


@pytest.fixture
def credentials(site: Path) -> Path:
    """What Home Assistant connects with; it was let in before the broker started."""
    folder = site.with_name("home-assistant")
    folder.mkdir()
    identity = let_in_home_assistant(site)
    (folder / "ca.pem").write_bytes((site / "ca.pem").read_bytes())
    (folder / "device.pem").write_bytes(identity.certificate_pem)
    (folder / "device.key").write_bytes(identity.key_pem)
    return folder


@contextmanager
def announcing(fleet: Fleet, records: Sequence[DeviceRecord]) -> Iterator[None]:
    """Tell Home Assistant of devices."""
    broker = load_register(fleet.folder).operators_broker
    target = Target("announcer", broker, make_tls(fleet.folder), 30, is_lasting=False)
    announcer, stop = Announcer(target, lambda: (records, load_register(fleet.folder))), threading.Event()
    thread = threading.Thread(target=announcer.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_for_topic(client: CertifiedClient, count: int) -> bytes:
    """Give the newest that was told of the device, once so much was."""
    client.wait(lambda: [topic for topic, _ in client.messages].count(TOPIC) >= count)
    return [payload for topic, payload in client.messages if topic == TOPIC][-1]


def leave_site(fleet: Fleet) -> None:
    """Take all devices out of the site, as the end of a simulation does."""
    with changing(fleet.folder) as register:
        save_register(fleet.folder, msgspec.structs.replace(register, members={}))


@brokers
def test_home_assistant_is_told_of_a_device_and_again_when_it_starts(credentials: Path, fleet: Fleet) -> None:
    fleet.join("door-3")
    with announcing(fleet, [make_record("door-3"), make_record("stranger")]):
        home_assistant = fleet.connect(credentials)
        home_assistant.subscribe("homeassistant/+/+/config")
        assert json.loads(wait_for_topic(home_assistant, 1))["device"]["name"] == "door-3"
        home_assistant.publish(BIRTH_TOPIC, b"online")
        wait_for_topic(home_assistant, 2)
        assert {topic for topic, _ in home_assistant.messages} == {TOPIC}


def test_a_revoked_device_is_taken_away(credentials: Path, fleet: Fleet) -> None:
    fleet.join("door-3")
    with announcing(fleet, [make_record("door-3")]):
        home_assistant = fleet.connect(credentials)
        home_assistant.subscribe("homeassistant/#")
        assert wait_for_topic(home_assistant, 1)
        revoke(fleet.folder, "door-3")
        home_assistant.publish(BIRTH_TOPIC, b"online")  # spares the test ten seconds
        assert wait_for_topic(home_assistant, 2) == b""


def test_a_device_that_left_the_site_meanwhile_is_taken_away(credentials: Path, fleet: Fleet) -> None:
    fleet.join("door-3")
    home_assistant = fleet.connect(credentials)
    home_assistant.subscribe("homeassistant/#")
    with announcing(fleet, [make_record("door-3")]):
        assert wait_for_topic(home_assistant, 1)
    leave_site(fleet)
    with announcing(fleet, []):
        assert wait_for_topic(home_assistant, 2) == b""


def test_a_device_that_left_the_site_just_before_home_assistant_started_is_taken_away(
    credentials: Path, fleet: Fleet
) -> None:
    fleet.join("door-3")
    with announcing(fleet, [make_record("door-3")]):
        home_assistant = fleet.connect(credentials)
        home_assistant.subscribe("homeassistant/#")
        assert wait_for_topic(home_assistant, 1)
        leave_site(fleet)
        home_assistant.publish(BIRTH_TOPIC, b"online")
        assert wait_for_topic(home_assistant, 2) == b""


@brokers
def test_home_assistant_reads_figures_and_cannot_command(credentials: Path, fleet: Fleet) -> None:
    home_assistant, device = fleet.connect(credentials), fleet.connect(fleet.join("door-3"))
    home_assistant.subscribe("ef/v1/d/+/up/#")
    device.subscribe("ef/v1/d/door-3/dn/#")
    for topic in ("dn/cmd", "dn/desired", "up/state"):
        home_assistant.publish(f"ef/v1/d/door-3/{topic}", b"mine")
    fleet.operate().publish("ef/v1/d/door-3/dn/cmd", b"the operator's")
    device.wait(lambda: device.messages)
    assert device.messages == [("ef/v1/d/door-3/dn/cmd", b"the operator's")]
    for name in ("up/reply/c1", "up/blob/c1", "up/ev", "up/tm/sys"):
        device.publish(f"ef/v1/d/door-3/{name}", b"said")
    home_assistant.wait(lambda: home_assistant.messages)
    assert home_assistant.messages == [("ef/v1/d/door-3/up/tm/sys", b"said")]


def test_nobody_else_tells_home_assistant_of_devices(credentials: Path, fleet: Fleet) -> None:
    home_assistant, device = fleet.connect(credentials), fleet.connect(fleet.join("door-3"))
    home_assistant.subscribe("homeassistant/#")
    for client in (device, home_assistant):
        client.publish(TOPIC, b"forged")
    home_assistant.publish(BIRTH_TOPIC, b"online")
    home_assistant.wait(lambda: home_assistant.messages)
    assert home_assistant.messages == [(BIRTH_TOPIC, b"online")]


def test_home_assistant_does_not_get_in_once_it_is_shut_out(credentials: Path, fleet: Fleet) -> None:
    assert not refuses(lambda: fleet.connect(credentials))
    shut_out_home_assistant(fleet.folder)
    assert reload_broker(fleet.folder)
    wait_for(lambda: refuses(lambda: fleet.connect(credentials)))


def test_shutting_out_ends_the_certificate_and_its_rules(site: Path) -> None:
    serial = let_in_home_assistant(site).serial
    assert "user HOME-ASSISTANT" in (site / "acl").read_text()
    shut_out_home_assistant(site)
    assert load_register(site).revoked == (serial,)
    assert "HOME-ASSISTANT" not in (site / "acl").read_text()


def test_a_new_certificate_ends_the_one_before(site: Path) -> None:
    first, second = let_in_home_assistant(site), let_in_home_assistant(site)
    register = load_register(site)
    assert (register.home_assistant, register.revoked) == (second.serial, (first.serial,))


def test_a_device_is_told_once_until_something_about_it_changes() -> None:
    register, record = make_register("door-3"), make_record("door-3")
    told = dict(find_news([record], register, {}))
    assert [*told] == ["door-3"]
    assert not [*find_news([record], register, told)]
    updated = make_record("door-3", state=msgspec.structs.replace(STATE, version="0.2.0"))
    assert [about.sw_version for _, about in find_news([updated], register, told) if about] == ["0.2.0"]


def test_a_revoked_device_is_taken_away_once_whatever_the_store_knows_of_it() -> None:
    register = make_register(door_3=REVOKED)
    assert [*find_news([], register, {})] == [("door-3", None)]
    assert not [*find_news([make_record("door-3")], register, {"door-3": None})]


def test_a_store_that_was_lost_takes_no_device_away() -> None:
    register = make_register("door-3")
    assert not [*find_news([], register, dict(find_news([make_record("door-3")], register, {})))]


def test_a_device_that_was_taken_out_of_the_site_is_taken_away_once() -> None:
    told = dict(find_news([make_record("door-3")], make_register("door-3"), {}))
    assert [*find_news([], make_register(), told)] == [("door-3", None)]
    assert not [*find_news([], make_register(), {"door-3": None})]
