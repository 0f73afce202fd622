"""Requests wait in turns, and nobody has more of the queue or of the line than there is for one."""

from __future__ import annotations

import pytest

from edgefuse.clock import NS_PER_S
from edgefuse.fleet.fair_queue import MAX_OF_DEVICE, MAX_WAITING, PIECES_PER_S, FairQueue
from edgefuse.ota.chunks import MAX_CHUNK_BYTES, Request


def request(id: int) -> Request:
    return Request(stream=1, id=id, place="x", offset_bytes=0, length_bytes=MAX_CHUNK_BYTES)


def test_devices_take_turns_whatever_one_asks_for() -> None:
    queue = FairQueue()
    for id in range(10):
        assert queue.add("greedy", request(id), 0)
    assert queue.add("modest", request(0), 0)
    taken = [queue.take() for _ in range(len(queue))]
    assert [device for device, _ in taken][:3] == ["greedy", "modest", "greedy"]
    assert [said.id for device, said in taken if device == "greedy"] == list(range(10))


def test_nothing_waits_in_an_empty_queue() -> None:
    queue = FairQueue()
    queue.add("a", request(0), 0)
    queue.take()
    assert len(queue) == 0
    with pytest.raises(KeyError):
        queue.take()


def test_one_device_does_not_fill_the_queue() -> None:
    queue = FairQueue()
    taken = [queue.add("greedy", request(id), id * NS_PER_S) for id in range(MAX_OF_DEVICE + 1)]
    assert taken == [True] * MAX_OF_DEVICE + [False]
    assert queue.add("modest", request(0), 0)


def test_queue_has_an_end() -> None:
    queue = FairQueue()
    taken = [queue.add(f"d{n}", request(n), 0) for n in range(MAX_WAITING + 10)]
    assert taken.count(True) == len(queue) == MAX_WAITING


def test_one_device_does_not_keep_the_service_busy() -> None:
    queue, served = FairQueue(), 0
    for now_ns in range(0, 2 * NS_PER_S, NS_PER_S // 20_000):
        served += queue.add("greedy", request(0), now_ns)
        if len(queue):
            queue.take()
    assert 2.0 <= served / PIECES_PER_S < 2.3
