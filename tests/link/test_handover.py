"""Chunks between the link's thread and the daemon's loop."""

from __future__ import annotations

import asyncio

from edgefuse.link.connection import MAX_PACKET_BYTES
from edgefuse.link.handover import MAX_WAITING, Handover


def hand_over(*chunks: bytes) -> list[bytes]:
    """Bring chunks while the daemon is busy, and give what it is given then."""
    given: list[bytes] = []

    async def be_busy() -> None:
        handover = Handover(asyncio.get_running_loop(), given.append)
        for chunk in chunks:
            handover.bring(chunk)
        assert not given
        await asyncio.sleep(0)

    asyncio.run(be_busy())
    return given


def test_chunks_are_given_in_order_in_one_turn() -> None:
    assert hand_over(b"a", b"b", b"c") == [b"a", b"b", b"c"]


def test_busy_daemon_costs_no_memory() -> None:
    chunks = [str(n).encode() for n in range(MAX_WAITING + 5)]
    assert hand_over(*chunks) == chunks[:MAX_WAITING]


def test_chunk_that_no_broker_may_send_is_dropped() -> None:
    assert hand_over(bytes(MAX_PACKET_BYTES + 1), b"b") == [b"b"]


def test_what_is_brought_while_others_are_given_is_given_next() -> None:
    given: list[bytes] = []

    async def be_daemon() -> None:
        def give(chunk: bytes) -> None:
            given.append(chunk)
            if len(given) < 4:
                handover.bring(b"again")

        handover = Handover(asyncio.get_running_loop(), give)
        handover.bring(b"first")
        await asyncio.sleep(0)
        assert given == [b"first"], "the daemon has other work, too"
        while len(given) < 4:
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(be_daemon(), 20.0))
    assert given == [b"first", b"again", b"again", b"again"]


def test_newest_requests_stay() -> None:
    async def ask() -> list[bytes]:
        handover, sent = Handover(asyncio.get_running_loop(), lambda _: None), []
        for n in range(MAX_WAITING + 5):
            handover.ask(str(n).encode())
        handover.take_requests(sent.append)
        handover.take_requests(sent.append)
        return sent

    assert asyncio.run(ask()) == [str(n).encode() for n in range(5, MAX_WAITING + 5)]


def test_daemon_that_is_gone_is_given_nothing() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    Handover(loop, lambda _: None).bring(b"a")
