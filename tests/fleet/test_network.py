"""Real brokers with the configuration that ``fleet init`` wrote: who gets in, and who may read and write what."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from fakes.certified import CertifiedClient
from fleet.conftest import Fleet

from edgefuse.fleet.broker import reload_broker
from edgefuse.fleet.enrolment import enrol, init_site, revoke, rotate
from edgefuse.link.credentials import install_credentials

PATIENCE_S = 30.0
pytestmark = pytest.mark.parametrize("fleet", ["mosquitto", "embedded"], indirect=True)


def refuses(connect: Callable[[], object]) -> bool:
    """Tell whether the broker does not take somebody in."""
    try:
        connect()
    except (OSError, ssl.SSLError):
        return True
    return False


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait for the broker to have read its files again, of which it gives no sign."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_device_writes_its_own_topics_only(fleet: Fleet) -> None:
    operator, intruder = fleet.operate(), fleet.connect(fleet.join("b"))
    fleet.join("a")
    for topic in ("ef/v1/d/a/up/state", "ef/v1/d/a/dn/cmd", "ef/v1/d/b/dn/cmd", "ef/v1/d/b/up/state"):
        intruder.publish(topic, b"mine")
    operator.wait(lambda: operator.messages)
    assert operator.messages == [("ef/v1/d/b/up/state", b"mine")]


def test_device_reads_its_own_topics_only(fleet: Fleet) -> None:
    operator, intruder = fleet.operate(), fleet.connect(fleet.join("b"))
    intruder.subscribe("ef/v1/d/+/#")
    intruder.subscribe("#")
    intruder.subscribe("ef/v1/d/b/dn/#")
    for topic in ("ef/v1/d/a/dn/cmd", "ef/v1/fleet/x", "ef/v1/d/b/dn/cmd"):
        operator.publish(topic, b"for one")
    intruder.wait(lambda: intruder.messages)
    assert {topic for topic, _ in intruder.messages} == {"ef/v1/d/b/dn/cmd"}


def test_device_does_not_read_what_another_retained(fleet: Fleet) -> None:
    operator, device = fleet.operate(), fleet.connect(fleet.join("a"))
    device.publish("ef/v1/d/a/up/state", b"online", is_retained=True)
    operator.wait(lambda: operator.messages)
    intruder = fleet.connect(fleet.join("b"))
    for topic in ("#", "ef/v1/d/a/up/state", "ef/v1/d/b/dn/#"):
        intruder.subscribe(topic)
    operator.publish("ef/v1/d/b/dn/cmd", b"for one")
    intruder.wait(lambda: intruder.messages)
    assert {topic for topic, _ in intruder.messages} == {"ef/v1/d/b/dn/cmd"}
    assert ("ef/v1/d/a/up/state", b"online") in late_operator(fleet).messages


def late_operator(fleet: Fleet) -> CertifiedClient:
    """Give an operator who connects now and has what the broker holds."""
    operator = fleet.operate()
    operator.wait(lambda: operator.messages)
    return operator


def test_last_will_is_said_on_own_topics_only(fleet: Fleet) -> None:
    operator, credentials = fleet.operate(), fleet.join("b")
    for topic in ("ef/v1/d/a/up/state", "ef/v1/d/b/up/state"):
        with suppress(ConnectionError, TimeoutError):
            fleet.connect(credentials, will_topic=topic).cut()
    operator.wait(lambda: operator.messages)
    assert operator.messages == [("ef/v1/d/b/up/state", b"dead")]


def test_device_does_not_take_another_session(fleet: Fleet) -> None:
    operator, victim = fleet.operate(), fleet.connect(fleet.join("a"), client_id="a")
    victim.subscribe("ef/v1/d/a/dn/#")
    fleet.connect(fleet.join("b"), client_id="a")
    operator.publish("ef/v1/d/a/dn/cmd", b"still here")
    victim.wait(lambda: victim.messages)
    assert not victim.is_over


def test_device_does_not_get_in_where_operators_do(fleet: Fleet) -> None:
    credentials = fleet.join("b")
    assert refuses(lambda: fleet.connect(credentials, fleet.port + 1, client_id="a"))
    assert not refuses(lambda: fleet.connect(credentials))


def test_device_of_another_site_does_not_get_in(fleet: Fleet) -> None:
    other = fleet.folder.with_name("other")
    init_site(other, "localhost", fleet.port)
    install_credentials(enrol(other, "a"), other / "a", other.stat())
    (other / "a/ca.pem").write_bytes((fleet.folder / "ca.pem").read_bytes())
    assert refuses(lambda: fleet.connect(other / "a"))


def test_revoked_device_falls_silent_while_it_is_connected(fleet: Fleet) -> None:
    operator, device, other = fleet.operate(), fleet.connect(fleet.join("b")), fleet.connect(fleet.join("a"))

    def is_silent() -> bool:
        operator.messages.clear()
        device.publish("ef/v1/d/b/up/state", b"online")
        other.publish("ef/v1/d/a/up/state", b"online")
        operator.wait(lambda: ("ef/v1/d/a/up/state", b"online") in operator.messages)
        return len(operator.messages) == 1

    assert not is_silent()
    revoke(fleet.folder, "b")
    assert reload_broker(fleet.folder)
    wait_for(is_silent)


def test_revoked_device_does_not_get_in_again(fleet: Fleet) -> None:
    credentials = fleet.join("b")
    revoke(fleet.folder, "b")
    assert reload_broker(fleet.folder)
    wait_for(lambda: refuses(lambda: fleet.connect(credentials)))


def test_device_that_was_revoked_can_be_enrolled_again(fleet: Fleet) -> None:
    fleet.join("b")
    revoke(fleet.folder, "b")
    reload_broker(fleet.folder)
    operator, credentials = fleet.operate(), fleet.join("b")
    reload_broker(fleet.folder)
    device = fleet.connect(credentials)

    def is_heard() -> bool:
        device.publish("ef/v1/d/b/up/state", b"online")
        return bool(operator.messages)

    wait_for(is_heard)


def test_rotated_device_gets_in_with_its_new_certificate_only(fleet: Fleet) -> None:
    fleet.join("b")
    old = fleet.folder.with_name("b").rename(fleet.folder.with_name("old"))
    new = fleet.join("b", rotate)
    assert reload_broker(fleet.folder)
    wait_for(lambda: refuses(lambda: fleet.connect(old)))
    assert not refuses(lambda: fleet.connect(new))


def test_oversized_message_does_not_pass(fleet: Fleet) -> None:
    operator, device = fleet.operate(), fleet.connect(fleet.join("a"))
    device.publish("ef/v1/d/a/up/state", bytes(1 << 20))
    assert device.is_over
    assert not operator.messages
