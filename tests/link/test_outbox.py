"""What leaves when, and what becomes of numbers that come twice."""

from __future__ import annotations

import itertools

from edgefuse.fleet.simulation.memory import MemoryBacklog
from edgefuse.link import topics
from edgefuse.link.outbox import Outbox, Publication


def test_request_with_the_number_of_an_event_does_not_deliver_the_event() -> None:
    backlog = MemoryBacklog()
    outbox = Outbox(backlog)
    backlog.add(topics.EVENT.name, b"{}")
    outbox.pump(lambda _: 7)
    outbox.ask(b"chunk 1", lambda _: 7)  # 65,535 requests later
    outbox.on_sent(7)
    assert backlog.waiting_events == 1
    outbox.on_sent(7)
    assert backlog.waiting_events == 0


def test_requests_are_dropped_where_the_connection_does_not_keep_up_and_reports_are_not() -> None:
    outbox, numbers, sent = Outbox(MemoryBacklog()), itertools.count(1), []

    def publish(publication: Publication) -> int:
        sent.append(publication.topic)
        return next(numbers)

    for _ in range(100):
        outbox.ask(b"", publish)
    assert len(sent) == 32
    assert outbox.takes_live()
    outbox.on_sent(1)
    outbox.ask(b"", publish)
    assert len(sent) == 33


def test_requests_of_a_lost_connection_hold_nothing_up() -> None:
    outbox, numbers = Outbox(MemoryBacklog()), itertools.count(1)
    for _ in range(32):
        outbox.ask(b"", lambda _: next(numbers))
    outbox.on_open()
    outbox.ask(b"", lambda _: next(numbers))
    assert next(numbers) == 34
