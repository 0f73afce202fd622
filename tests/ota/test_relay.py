"""The install helper's transport: frames to a supervisor that relays them, loses them, falls silent or dies."""

from __future__ import annotations

import itertools
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import pytest
from tuf.api.exceptions import DownloadError, DownloadHTTPError

from edgefuse import clock
from edgefuse.config.updates import UpdateSettings
from edgefuse.ota.chunks import Chunk, Outcome, Request, read_request, write_chunk
from edgefuse.ota.relay import SILENCE_S, Relay, RelayEndedError, RelayFetcher
from edgefuse.ota.wire import FrameError, FrameReader, Kind, pack

PLACE = "targets/models/x"
CONTENT = random.Random(1).randbytes(3_000_000)
Answers = Callable[[Request], list[bytes]]


def answer(request: Request) -> list[bytes]:
    """Give what a good repository sends."""
    if request.place != PLACE:
        return [write_chunk(Chunk(request.stream, request.id, request.offset_bytes, 0, b"", Outcome.ABSENT))]
    data = CONTENT[request.offset_bytes :][: request.length_bytes]
    return [write_chunk(Chunk(request.stream, request.id, request.offset_bytes, len(CONTENT), data))]


class Supervisor(threading.Thread):
    """Has the other end of the socket, and a repository."""

    def __init__(self, end: socket.socket) -> None:
        super().__init__(daemon=True)
        self.answers: Answers = answer
        self.end = end
        self.start()

    def run(self) -> None:
        reader = FrameReader()
        with suppress(OSError):
            while data := self.end.recv(1 << 16):
                for kind, payload in reader.feed(data):
                    assert kind is Kind.REQUEST
                    for chunk in self.answers(read_request(payload)):
                        self.end.sendall(pack(Kind.CHUNK, chunk))


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The supervisor's end, and the helper's."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        yield ours, theirs
        theirs.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def supervisor(ends: tuple[socket.socket, socket.socket]) -> Iterator[Supervisor]:
    """One that relays, until the test ends."""
    supervisor = Supervisor(ends[0])
    yield supervisor
    ends[1].shutdown(socket.SHUT_RDWR)
    supervisor.join()


@pytest.fixture
def relay(ends: tuple[socket.socket, socket.socket]) -> Relay:
    return Relay(ends[1])


@pytest.mark.parametrize("offset_bytes", [0, 1, 1_000_000, len(CONTENT) - 1])
def test_file_comes_from_any_offset(relay: Relay, supervisor: Supervisor, offset_bytes: int) -> None:
    fetcher = RelayFetcher(relay, UpdateSettings())
    assert b"".join(fetcher.fetch_from(PLACE, offset_bytes)) == CONTENT[offset_bytes:]


def test_bad_line_delays_and_changes_nothing(relay: Relay, supervisor: Supervisor) -> None:
    chance = random.Random(2)

    def spoil(request: Request) -> list[bytes]:
        chunks = [] if chance.random() < 0.1 else answer(request) * chance.choice([1, 1, 2])
        return [*chunks, b"noise"] if chance.random() < 0.1 else chunks

    supervisor.answers = spoil
    assert b"".join(RelayFetcher(relay, UpdateSettings()).fetch(PLACE)) == CONTENT


def test_what_is_not_there_is_said(relay: Relay, supervisor: Supervisor) -> None:
    fetcher = RelayFetcher(relay, UpdateSettings())
    for place in ("targets/y", "../x", "a b"):
        with pytest.raises(DownloadHTTPError) as raised:
            list(fetcher.fetch(place))
        assert raised.value.status_code == 404
    with pytest.raises(DownloadHTTPError) as raised:
        list(fetcher.fetch_from(PLACE, len(CONTENT)))
    assert raised.value.status_code == 416


def test_file_that_nobody_reads_to_its_end_does_not_disturb_the_next(relay: Relay, supervisor: Supervisor) -> None:
    fetcher = RelayFetcher(relay, UpdateSettings())
    for _ in range(5):
        began = b"".join(itertools.islice(fetcher.fetch(PLACE), 20))
        assert CONTENT.startswith(began) and len(began) > 0
    assert b"".join(fetcher.fetch(PLACE)) == CONTENT


def test_silence_is_given_up_for_now(relay: Relay, supervisor: Supervisor) -> None:
    supervisor.answers = lambda _: []
    times_ns = itertools.count(0, 10 * clock.NS_PER_S)
    with pytest.raises(DownloadError, match=f"no repository answers for {SILENCE_S:.0f} s"):
        list(RelayFetcher(relay, UpdateSettings(), now_ns=lambda: next(times_ns)).fetch(PLACE))


def test_file_goes_on_after_an_outage(relay: Relay, supervisor: Supervisor) -> None:
    requests, end_ns = itertools.count(), clock.now_ns() + clock.NS_PER_S
    supervisor.answers = lambda request: [] if next(requests) > 20 and clock.now_ns() < end_ns else answer(request)
    assert b"".join(RelayFetcher(relay, UpdateSettings()).fetch(PLACE)) == CONTENT
    assert clock.now_ns() > end_ns


def test_supervisor_that_dies_ends_the_work(relay: Relay, supervisor: Supervisor) -> None:
    requests = itertools.count()

    def die(request: Request) -> list[bytes]:
        if next(requests) == 20:
            supervisor.end.shutdown(socket.SHUT_RDWR)
            return []
        return answer(request)

    supervisor.answers = die
    with pytest.raises(RelayEndedError, match="the supervisor"):
        list(RelayFetcher(relay, UpdateSettings()).fetch(PLACE))


def test_frame_that_is_none_ends_the_work(ends: tuple[socket.socket, socket.socket], relay: Relay) -> None:
    ends[0].sendall(b"\xff" * 100)
    with pytest.raises(FrameError):
        relay.receive(30.0)


def test_frames_come_one_by_one_and_in_order(ends: tuple[socket.socket, socket.socket], relay: Relay) -> None:
    assert relay.receive(0.0) is None
    frames = [(Kind.JOB, b"{}"), (Kind.CHUNK, bytes(70_000)), (Kind.CHUNK, b"")]
    sender = threading.Thread(target=lambda: [ends[0].sendall(pack(*frame)) for frame in frames])
    sender.start()
    came = list(iter(lambda: relay.receive(1.0), None))
    sender.join()
    assert came == frames


def test_limit_of_bandwidth_is_kept(relay: Relay, supervisor: Supervisor) -> None:
    asked_bytes = 0

    def count(request: Request) -> list[bytes]:
        nonlocal asked_bytes
        asked_bytes += request.length_bytes
        return answer(request)

    supervisor.answers = count
    began_ns = clock.now_ns()
    for _ in RelayFetcher(relay, UpdateSettings(limit_kb_per_s=500)).fetch(PLACE):
        if (passed_s := (clock.now_ns() - began_ns) / clock.NS_PER_S) > 1.0:
            break
    assert asked_bytes < (passed_s + 1.5) * 500_000
