"""The embedded broker and clients that keep to no rule."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from fleet.conftest import Fleet

from edgefuse.link.connection import MAX_PACKET_BYTES

PATIENCE_S = 30.0
pytestmark = pytest.mark.parametrize("fleet", ["embedded"], indirect=True)


def connect_packet(name: str = "a", keepalive_s: int = 0, level: int = 4, *, is_clean: bool = True) -> bytes:
    """Give the first packet of a client. Source: MQTT 3.1.1, 3.1."""
    body = (
        b"\x00\x04MQTT"
        + bytes((level, 2 if is_clean else 0))
        + keepalive_s.to_bytes(2, "big")
        + bytes((0, len(name)))
        + name.encode()
    )
    return bytes((0x10, len(body))) + body


def open_socket(fleet: Fleet, credentials: Path) -> ssl.SSLSocket:
    """Connect with a certificate, and say nothing."""
    context = ssl.create_default_context(cafile=str(credentials / "ca.pem"))
    context.load_cert_chain(credentials / "device.pem", credentials / "device.key")
    sock = socket.create_connection(("127.0.0.1", fleet.port), timeout=PATIENCE_S)
    return context.wrap_socket(sock, server_hostname="localhost")


def read_until(client: ssl.SSLSocket, end: bytes) -> bytes:
    """Read until that has come."""
    read = b""
    while end not in read:
        data = client.recv(1000)
        assert data, read
        read += data
    return read


def read_to_end(client: ssl.SSLSocket) -> bytes:
    """Read until the broker hangs up."""
    read = b""
    try:
        while data := client.recv(1000):
            read += data
    except ConnectionResetError:
        pass
    return read


@pytest.mark.parametrize(
    "first",
    [
        b"\x10\xff\xff\xff\xff\xff",
        b"\x10" + b"\xff\xff\xff\x7f",
        b"\x10\x00",
        b"\x10\x08\x00\x04MQTT\x04\x02",
        b"\x30\x03\x00\x01a",
        connect_packet().replace(b"MQTT\x04\x02", b"MQTT\x04\xff"),
    ],
)
def test_nonsense_is_hung_up_on_and_costs_nobody_else_anything(fleet: Fleet, first: bytes) -> None:
    credentials = fleet.join("a")
    with open_socket(fleet, credentials) as client:
        client.sendall(first)
        assert read_to_end(client) in (b"", b"\x20\x02\x00\x05")
    operator, device = fleet.operate(), fleet.connect(credentials)
    device.publish("ef/v1/d/a/up/state", b"online")
    operator.wait(lambda: operator.messages)


def test_another_version_is_told_so(fleet: Fleet) -> None:
    with open_socket(fleet, fleet.join("a")) as client:
        client.sendall(connect_packet(level=5))
        assert read_to_end(client) == b"\x20\x02\x00\x01"


def test_a_client_that_falls_silent_is_let_go(fleet: Fleet) -> None:
    with open_socket(fleet, fleet.join("a")) as client:
        client.sendall(connect_packet(keepalive_s=1))
        assert read_to_end(client) == b"\x20\x02\x00\x00"


def test_a_packet_of_any_kind_has_a_bound(fleet: Fleet) -> None:
    with open_socket(fleet, fleet.join("a")) as client:
        client.sendall(connect_packet())
        assert client.recv(4) == b"\x20\x02\x00\x00"
        size = MAX_PACKET_BYTES + 1
        length = bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14))
        client.sendall(b"\x82" + length)
        assert read_to_end(client) == b""


def test_what_was_not_acknowledged_comes_again(fleet: Fleet) -> None:
    operator, credentials, topic = fleet.operate(), fleet.join("a"), b"ef/v1/d/a/dn/cmd"
    published = bytes((len(topic) + 9,)) + b"\x00\x10" + topic
    with open_socket(fleet, credentials) as client:
        client.sendall(connect_packet(is_clean=False))
        client.sendall(bytes((0x82, len(topic) + 5)) + b"\x00\x01\x00\x10" + topic + b"\x01")
        read_until(client, b"\x90\x03\x00\x01\x01")
        operator.publish(topic.decode(), b"pause")
        assert b"\x32" + published in read_until(client, b"pause")
    operator.publish(topic.decode(), b"reset")
    with open_socket(fleet, credentials) as client:
        client.sendall(connect_packet(is_clean=False))
        again = read_until(client, b"reset")
        again = again if b"pause" in again else again + read_until(client, b"pause")
    assert again.count(b"\x32" + published) == 2  # QoS 1, and not as if they were retained
