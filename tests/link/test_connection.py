"""One connection, from its first packet to its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from fakes.broker import Broker
from fakes.proxy import Proxy

from edgefuse.config.link import parse_broker
from edgefuse.link.connection import Closed, Connection, Note, Opened, Target

PATIENCE_S = 20.0


@pytest.fixture
def proxy(broker: Broker) -> Iterator[Proxy]:
    """The network between."""
    proxy = Proxy(broker.port)
    yield proxy
    proxy.close()


def dial(url: str) -> tuple[Connection, list[Note]]:
    """Connect, and give what happened until the broker took us in or it was over."""
    dialed = threading.Event()
    connection = Connection(Target("dev1", parse_broker(url), None, 60, "will", b"gone"), "5")
    connection.dial(dialed.set)
    assert dialed.wait(PATIENCE_S)
    notes: list[Note] = []
    end_s = time.monotonic() + PATIENCE_S
    while not notes and time.monotonic() < end_s:
        notes += connection.step(is_readable=True)
        time.sleep(0.005)
    return connection, notes


def test_broker_takes_us_in(broker: Broker) -> None:
    connection, notes = dial(broker.url)
    assert notes == [Opened()]
    connection.close()


def test_nobody_there_is_an_end_with_a_reason(broker: Broker) -> None:
    broker.kill()
    _, notes = dial(broker.url)
    (end,) = notes
    assert isinstance(end, Closed)
    assert (end.cause, "refused" in end.reason) == ("unreachable", True)


def test_end_that_shows_while_publishing_is_news_at_once(proxy: Proxy) -> None:
    connection, _ = dial(proxy.url)
    proxy.cut()
    end_s = time.monotonic() + PATIENCE_S
    while not connection.has_news() and time.monotonic() < end_s:
        connection.publish("up", b"?", 1, is_retained=False)
        time.sleep(0.005)
    assert [type(note) for note in connection.step(is_readable=False)] == [Closed]
