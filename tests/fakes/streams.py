"""A source, a sink and a stage that are small and under a test's control."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edgefuse import clock
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, StreamFormat
from edgefuse.vision.types import Frame, Packet

HEIGHT_PX, WIDTH_PX = 8, 12


@dataclass
class FakeSource:
    """Gives numbered frames, each filled with its number; raises what ``trouble`` holds before a frame's number."""

    frames: int
    rate_hz: float = 30.0
    is_live: bool = False
    trouble: dict[int, list[Exception]] = field(default_factory=dict)
    reopen_trouble: list[Exception] = field(default_factory=list)
    reopened_width_px: int = WIDTH_PX
    start_ns: int = 0
    """Added to times of presentation: those of a live source are of the monotonic clock."""
    read_s: float = 0.0
    """What decoding takes."""
    turned_at: int | None = None
    """From this frame on, pictures are as high as they were wide."""
    opened: int = 0
    closed: int = 0
    _next: int = 0

    def open(self) -> StreamFormat:
        self.opened += 1
        if self.opened > 1 and self.reopen_trouble:
            raise self.reopen_trouble.pop()
        width_px = WIDTH_PX if self.opened == 1 else self.reopened_width_px
        return StreamFormat(width_px, HEIGHT_PX, self.rate_hz, self.frames, is_live=self.is_live)

    def read(self, buffer: Buffer) -> Capture | None:
        if self.trouble.get(self._next):
            raise self.trouble[self._next].pop()
        if self._next == self.frames:
            return None
        is_turned = self.turned_at is not None and self._next >= self.turned_at
        pixels = buffer.view(*((WIDTH_PX, HEIGHT_PX) if is_turned else (HEIGHT_PX, WIDTH_PX)))
        pixels[:] = self._next % 256
        time.sleep(self.read_s)
        presented_ns = self.start_ns + int(self._next * clock.NS_PER_S / self.rate_hz)
        self._next += 1
        return Capture(pixels, presented_ns)

    def close(self) -> None:
        self.closed += 1


@dataclass
class FakeSink:
    """Keeps the numbers of frames and what their first pixel was; may be slow or fail."""

    is_live: bool = False
    delay_s: float = 0.0
    fails_at: int | None = None
    failure: Exception | None = None
    indices: list[int] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    is_closed: bool = False

    def open(self, stream: StreamFormat) -> None:
        pass

    def write(self, frame: Frame) -> None:
        if self.delay_s:
            time.sleep(self.delay_s)
        if self.failure is not None and frame.index == self.fails_at:
            raise self.failure
        self.indices.append(frame.index)
        self.values.append(int(frame.pixels[0, 0, 0]))

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeStage:
    """Does to each packet what ``body`` says."""

    body: Callable[[Packet], Packet] = lambda packet: packet
    threads: set[str] = field(default_factory=set)

    def run(self, packet: Packet) -> Packet:
        self.threads.add(threading.current_thread().name)
        return self.body(packet)

    def close(self) -> None:
        pass


def sleeping(seconds: Sequence[float]) -> Callable[[Packet], Packet]:
    """Make a body that takes ``seconds[index % len]`` for a packet."""

    def body(packet: Packet) -> Packet:
        time.sleep(seconds[packet.frame.index % len(seconds)])
        return packet

    return body
