"""Requests wait in turns, and nobody has more of the queue or of the line than there is for one."""

from __future__ import annotations

import pytest

from edgefuse.clock import NS_PER_S
from edgefuse.fleet.fair_queue import COST_BYTES, LIMIT_BYTES_PER_S, MAX_OF_DEVICE, MAX_WAITING, FairQueue
from edgefuse.ota.chunks import MAX_CHUNK_BYTES, Request


def request(id: int, length_bytes: int = MAX_CHUNK_BYTES) -> Request:
    return Request(stream=1, id=id, place="x", offset_bytes=0, length_bytes=length_bytes)


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


@pytest.mark.parametrize("length_bytes", [1, COST_BYTES, MAX_CHUNK_BYTES])
def test_one_device_has_a_gigabit_at_most(length_bytes: int) -> None:
    queue, served = FairQueue(), 0
    for now_ns in range(0, NS_PER_S, NS_PER_S // 10_000):
        served += queue.add("greedy", request(0, length_bytes), now_ns)
        if len(queue):
            queue.take()
    assert 0.9 < served * max(length_bytes, COST_BYTES) / LIMIT_BYTES_PER_S < 1.3
