"""A file through a channel that loses, repeats and reorders, is slow or gone: whole, in order, within bounds."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuf.api.exceptions import DownloadError, DownloadHTTPError

from edgefuse.clock import NS_PER_S
from edgefuse.ota.chunks import MAX_CHUNK_BYTES, Chunk, Outcome, Request, read_chunk, write_chunk
from edgefuse.ota.pace import FIRST_TIMEOUT_NS, MAX_WINDOW, MIN_CHUNK_BYTES, Pace
from edgefuse.ota.window import HELD_BYTES, Window

STREAM = 7
PLACE = "targets/models/x"
MS = NS_PER_S // 1000
GIVE_UP_S = 3600


@dataclass
class Channel:
    """Brings chunks from a repository that has one file; time is virtual."""

    content: bytes
    seed: int = 0
    loss: float = 0.0
    repeats: float = 0.0
    delay_ns: int = 10 * MS
    jitter_ns: int = 0
    bytes_per_s: int | None = None
    down_ns: tuple[int, int] = (0, 0)
    """From when to when all is lost."""
    requests: list[Request] = field(default_factory=list)
    longest_ns: int = 0
    """That any chunk was under way."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._under_way: list[tuple[int, int, bytes]] = []
        self._free_ns = 0

    @property
    def next_ns(self) -> int | None:
        return self._under_way[0][0] if self._under_way else None

    def send(self, request: Request, now_ns: int) -> None:
        """Take a request; the chunks of it come later."""
        self.requests.append(request)
        if self.down_ns[0] <= now_ns < self.down_ns[1] or self._random.random() < self.loss:
            return
        for _ in range(2 if self._random.random() < self.repeats else 1):
            due_ns = self._leave(request.length_bytes, now_ns) + self._random.randint(0, self.jitter_ns)
            self.longest_ns = max(self.longest_ns, due_ns - now_ns)
            heapq.heappush(self._under_way, (due_ns, self._random.getrandbits(32), write_chunk(self.answer(request))))

    def _leave(self, length_bytes: int, now_ns: int) -> int:
        if self.bytes_per_s is None:
            return now_ns + self.delay_ns
        self._free_ns = max(self._free_ns, now_ns) + length_bytes * NS_PER_S // self.bytes_per_s
        return self._free_ns + self.delay_ns

    def answer(self, request: Request) -> Chunk:
        data = self.content[request.offset_bytes :][: request.length_bytes]
        return Chunk(request.stream, request.id, request.offset_bytes, len(self.content), data)

    def receive(self) -> Chunk:
        return read_chunk(heapq.heappop(self._under_way)[2])


def fetch(channel: Channel, offset_bytes: int = 0, limit_bytes_per_s: int | None = None) -> tuple[bytes, int]:
    """Give what came through, and how long it took."""
    pace = Pace(limit_bytes_per_s)
    window = Window(STREAM, PLACE, offset_bytes, pace)
    came, now_ns = bytearray(), 0
    while not window.is_complete:
        for request in window.ask(now_ns):
            assert request.offset_bytes + request.length_bytes <= offset_bytes + len(came) + HELD_BYTES
            channel.send(request, now_ns)
        due_ns = window.find_due_ns()
        assert due_ns is not None, "nothing under way and nothing to ask for"
        if channel.next_ns is not None and channel.next_ns <= due_ns:
            now_ns = max(now_ns, channel.next_ns)
            window.take(channel.receive(), now_ns)
        else:
            now_ns = max(now_ns, due_ns)
        came += b"".join(window.read())
        assert now_ns < GIVE_UP_S * NS_PER_S
    return bytes(came), now_ns


def make_content(size_bytes: int) -> bytes:
    return random.Random(size_bytes).randbytes(size_bytes)


@settings(deadline=None)
@given(
    size_bytes=st.integers(0, 800_000),
    skip=st.floats(0.0, 0.99),
    seed=st.integers(0, 1 << 30),
    loss=st.floats(0.0, 0.5),
    repeats=st.floats(0.0, 1.0),
    delay_ms=st.integers(0, 3000),
    jitter_ms=st.integers(0, 3000),
)
def test_any_file_comes_whole_and_in_order(
    *, size_bytes: int, skip: float, seed: int, loss: float, repeats: float, delay_ms: int, jitter_ms: int
) -> None:
    content, offset_bytes = make_content(size_bytes), int(size_bytes * skip)
    channel = Channel(content, seed, loss, repeats, delay_ms * MS, jitter_ms * MS)
    came, _ = fetch(channel, offset_bytes)
    assert came == content[offset_bytes:]
    pieces = 2 + size_bytes / MIN_CHUNK_BYTES
    assert len(channel.requests) <= 20 * pieces


@settings(deadline=None, max_examples=30)
@given(
    begin_ms=st.integers(0, 2000), length_s=st.integers(1, 600), seed=st.integers(0, 1 << 30), loss=st.floats(0.0, 0.2)
)
def test_outage_is_survived_and_noticed_soon_to_be_over(begin_ms: int, length_s: int, seed: int, loss: float) -> None:
    end_ns = begin_ms * MS + length_s * NS_PER_S
    content = make_content(3_000_000)
    channel = Channel(content, seed, loss, jitter_ns=5 * MS, bytes_per_s=1_000_000, down_ns=(begin_ms * MS, end_ns))
    came, took_ns = fetch(channel)
    assert came == content
    assert took_ns < end_ns + 60 * NS_PER_S
    assert len(channel.requests) < 1000 + 2 * length_s


@pytest.mark.parametrize("loss", [0.05, 0.2])
def test_lost_pieces_alone_are_asked_for_again(loss: float) -> None:
    content = make_content(5_000_000)
    channel = Channel(content, 1, loss, delay_ns=5 * MS, bytes_per_s=20_000_000)
    came, _ = fetch(channel)
    assert came == content
    asked_bytes = sum(request.length_bytes for request in channel.requests)
    assert asked_bytes < len(content) * (1 / (1 - loss) + 0.1)


def test_good_line_is_filled() -> None:
    content = make_content(20_000_000)
    channel = Channel(content, delay_ns=20 * MS)
    came, took_ns = fetch(channel)
    assert came == content
    assert took_ns < 2 * NS_PER_S, "a window of 32 chunks a round trip of 20 ms is 100 MB/s"
    assert max(request.length_bytes for request in channel.requests) == MAX_CHUNK_BYTES
    assert channel.requests[0].length_bytes == MIN_CHUNK_BYTES


@pytest.mark.parametrize("bytes_per_s", [2_000, 10_000, 50_000, 300_000])
def test_commands_wait_little_behind_chunks_of_a_slow_line(bytes_per_s: int) -> None:
    content = make_content(60 * bytes_per_s)
    channel = Channel(content, bytes_per_s=bytes_per_s)
    came, took_ns = fetch(channel)
    assert came == content
    assert took_ns < 75 * NS_PER_S
    assert channel.longest_ns < 7 * NS_PER_S


def test_line_is_not_asked_for_much_more_than_it_takes() -> None:
    channel = Channel(make_content(20_000_000), delay_ns=MS, bytes_per_s=20_000_000)
    _, took_ns = fetch(channel)
    assert took_ns < 1.1 * NS_PER_S
    assert channel.longest_ns < 20 * MAX_CHUNK_BYTES / 20_000_000 * NS_PER_S


@pytest.mark.parametrize("limit_bytes_per_s", [1_000, 50_000, 1_000_000])
def test_limit_of_bandwidth_is_kept_and_used(limit_bytes_per_s: int) -> None:
    content = make_content(30 * limit_bytes_per_s)
    came, took_ns = fetch(Channel(content), limit_bytes_per_s=limit_bytes_per_s)
    assert came == content
    assert 28 <= took_ns / NS_PER_S < 32


def test_first_request_alone_tells_how_long_a_file_is() -> None:
    window = Window(STREAM, PLACE, 0, Pace(None))
    assert len(list(window.ask(0))) == 1
    assert not list(window.ask(1))
    assert [request.offset_bytes for request in window.ask(FIRST_TIMEOUT_NS)] == [0]


def begin(size_bytes: int, offset_bytes: int = 0) -> tuple[Window, Request, Chunk]:
    """Give a window, its first request, and what should come of it."""
    window = Window(STREAM, PLACE, offset_bytes, Pace(None))
    (request,) = window.ask(0)
    return window, request, Channel(make_content(size_bytes)).answer(request)


def replace(chunk: Chunk, **changes: object) -> Chunk:
    return Chunk(**{name: changes.get(name, getattr(chunk, name)) for name in Chunk.__slots__})


@pytest.mark.parametrize(
    "changes",
    [
        {"stream": STREAM + 1},
        {"id": 99},
        {"offset_bytes": 1},
        {"data": b""},
        {"data": bytes(MIN_CHUNK_BYTES - 1)},
        {"data": bytes(MIN_CHUNK_BYTES + 1)},
        {"total_bytes": 10},
    ],
)
def test_chunk_that_does_not_fit_changes_nothing(changes: dict[str, object]) -> None:
    window, _, chunk = begin(100_000)
    window.take(replace(chunk, **changes), 1)
    assert not list(window.read())
    window.take(chunk, 2)
    assert b"".join(window.read()) == chunk.data


def test_chunk_that_comes_twice_is_read_once() -> None:
    window, _, chunk = begin(100_000)
    window.take(chunk, 1)
    window.take(chunk, 2)
    assert list(window.read()) == [chunk.data]
    window.take(chunk, 3)
    assert not list(window.read())


def test_chunk_of_an_earlier_try_is_as_good() -> None:
    window, _, chunk = begin(100_000)
    assert list(window.ask(FIRST_TIMEOUT_NS))
    window.take(chunk, FIRST_TIMEOUT_NS + 1)
    assert list(window.read()) == [chunk.data]


@pytest.mark.parametrize("at_byte", [MIN_CHUNK_BYTES, MIN_CHUNK_BYTES + 1])
def test_nothing_from_an_offset_on_is_said(at_byte: int) -> None:
    window, _, chunk = begin(MIN_CHUNK_BYTES, at_byte)
    with pytest.raises(DownloadHTTPError) as raised:
        window.take(chunk, 1)
    assert raised.value.status_code == 416


def test_file_that_is_not_there_is_told_from_one_that_cannot_be_read() -> None:
    window, _, chunk = begin(0)
    with pytest.raises(DownloadHTTPError) as raised:
        window.take(replace(chunk, outcome=Outcome.ABSENT), 1)
    assert raised.value.status_code == 404
    with pytest.raises(DownloadError, match="cannot read"):
        window.take(replace(chunk, outcome=Outcome.BROKEN), 1)


def test_file_that_becomes_another_is_given_up() -> None:
    window, _, chunk = begin(100_000)
    window.take(chunk, 1)
    request, *_ = window.ask(2)
    with pytest.raises(DownloadError, match="changed"):
        window.take(Channel(bytes(100_001)).answer(request), 3)


def test_endless_file_is_held_in_bounds() -> None:
    """Its reader ends it; until then no more is asked for than it reads."""
    window, _, chunk = begin(100_000)
    window.take(replace(chunk, total_bytes=(1 << 64) - 1), 1)

    def requests() -> Iterator[Request]:
        for now_ns in range(2, 1000):
            yield from (request for request in window.ask(now_ns))

    assert 0 < sum(1 for _ in requests()) <= MAX_WINDOW


def test_pieces_that_are_lost_together_halve_the_window_once() -> None:
    pace = Pace(None)
    for round_trip in range(200):
        pace.note_chunk(round_trip * MS, (round_trip + 1) * MS)
    window = pace.window
    for sent_ns in (200 * MS, 201 * MS, 202 * MS):
        pace.note_jam(sent_ns, 300 * MS)
    assert pace.window == window // 2
    pace.note_jam(301 * MS, 400 * MS)
    assert pace.window == window // 4
