"""The whole pipeline with fuse_mesh, in the threads of `edgefuse run`, on frames that lie in memory already."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import SimpleQueue

import numpy as np

from benching.opening import open_pipeline
from edgefuse.errors import EdgefuseError
from edgefuse.planning.board import Board
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, fetch_media
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import Capture, StreamFormat
from edgefuse.vision.types import Frame, Pixels
from edgefuse.worker.request import RunRequest

MAX_WAIT_S = 60.0
"""For one frame; only a run that has ended takes longer."""


@dataclass
class Feed:
    """A source that waits until frames are put in, and ends with ``None``."""

    stream: StreamFormat
    frames: SimpleQueue[tuple[Pixels, int] | None] = field(default_factory=SimpleQueue)

    def open(self) -> StreamFormat:
        """Tell the size."""
        return self.stream

    def read(self, buffer: Buffer) -> Capture | None:
        """Copy the next frame; there is nothing to decode."""
        given = self.frames.get()
        if given is None:
            return None
        pixels = buffer.view(*given[0].shape[:2])
        np.copyto(pixels, given[0])
        return Capture(pixels, given[1])

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Drain:
    """A sink that counts."""

    is_live: bool = field(default=False, init=False)
    delivered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0), init=False)

    def open(self, stream: StreamFormat) -> None:
        """Nothing has to be acquired."""

    def write(self, _frame: Frame) -> None:
        """Count the frame."""
        self.delivered.release()

    def close(self) -> None:
        """Nothing has to be released."""


class Whole:
    """One run that stands still between blocks of frames."""

    def __init__(self, board: Board, point: int, height_px: int, width_px: int) -> None:
        """Open everything and start the threads.

        Raises:
            EdgefuseError: Nothing can run here.
        """
        with open_fetcher(board.store, lambda *_: None) as fetcher:
            donor = fetch_media(ASTRONAUT, board.store, fetcher)
        settings = {"fuse_mesh": {"face": str(donor)}}
        request = RunRequest(f"pattern:{width_px}x{height_px}", "null", "fuse_mesh", settings, point)
        self._opened = ExitStack()
        self._loop = self._opened.enter_context(open_pipeline(board, request)).loop
        self._feed, self._drain = Feed(self._loop.stream), Drain()
        self._loop.source, self._loop.sink = self._feed, self._drain
        self._thread = threading.Thread(target=self._loop.run, args=(lambda _: None,), daemon=True)
        self._thread.start()

    def fuse(self, frames: Iterable[Pixels], captured_ns: Sequence[int]) -> tuple[float, float]:
        """Fuse a block of frames and give the seconds by the clock, from the first frame in to the last one out, and
        by the processor.

        Raises:
            EdgefuseError: The run has ended.
        """
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        for pixels, time_ns in zip(frames, captured_ns):  # noqa: B905  the last block is short
            self._feed.frames.put((pixels, time_ns))
        for _ in captured_ns:
            if not self._drain.delivered.acquire(timeout=MAX_WAIT_S):
                raise EdgefuseError("cannot compare: the pipeline with fuse_mesh has stopped")
        return time.perf_counter() - start_s, time.process_time() - start_cpu_s

    def close(self) -> None:
        """End the run and close everything."""
        self._feed.frames.put(None)
        self._thread.join()
        self._opened.close()
