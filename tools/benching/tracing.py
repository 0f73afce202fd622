"""One run of the real pipeline in which large allocations are counted: the child of ``allocations``.

python -m benching.tracing RUN SOURCE SINK TRACE, with malloc_trace.so preloaded; prints a ``Traced`` as JSON.
"""

from __future__ import annotations

import ctypes
import os
import sys

import msgspec
import numpy as np

from benching.opening import open_pipeline
from edgefuse.cli._plan import probe_board
from edgefuse.memory import resident_mb
from edgefuse.vision.pipeline import Effect
from edgefuse.vision.sink import Sink
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame
from edgefuse.worker.report import Pool
from edgefuse.worker.request import RunRequest

RUNS: dict[str, tuple[Effect, dict[str, dict[str, str]]]] = {
    "fuse_mesh": ("fuse_mesh", {}),
    "anonymise": ("anonymise", {}),
    "anonymise by mesh": ("anonymise", {"anonymise": {"method": "mesh"}}),
}
"""By name: the effect and its settings."""
FIRST_FRAME, LAST_FRAME = 200, 2000
RSS_EVERY = 20
"""Frames between two looks at the resident memory."""


class Traced(msgspec.Struct, frozen=True):
    """What the run says of itself; the allocations stand in the trace's file."""

    frames_out: int
    pool: Pool
    rss_mb: float
    """At the last traced frame."""
    rss_slope_kb: float
    """Growth of resident memory, kilobytes a frame: a straight line through the second half of the looks. In the first,
    heap and decoder settle: 8 MB at 720p within 600 frames, and 0.1 in the 3,000 after."""


class Watch:
    """A sink that switches the trace on and off at the right frames and looks at the memory meanwhile."""

    def __init__(self, sink: Sink, trace_path: str) -> None:
        self._sink = sink
        self._trace_path = trace_path
        self._tracer = ctypes.CDLL(None)
        self.rss_mb = np.zeros((LAST_FRAME - FIRST_FRAME) // RSS_EVERY)
        """Resident memory at every look."""

    @property
    def is_live(self) -> bool:
        """As the sink behind."""
        return self._sink.is_live

    def open(self, stream: StreamFormat) -> None:
        """Open the sink behind."""
        self._sink.open(stream)

    def write(self, frame: Frame) -> None:
        """Look, and pass the frame on."""
        if frame.index == FIRST_FRAME:
            self._tracer.malloc_trace_start()
        if frame.index == LAST_FRAME and (error := self._tracer.malloc_trace_stop(self._trace_path.encode())):
            raise OSError(error, os.strerror(error), self._trace_path)
        place, rest = divmod(frame.index - FIRST_FRAME, RSS_EVERY)
        if not rest and 0 <= place < len(self.rss_mb):
            self.rss_mb[place] = resident_mb()
        self._sink.write(frame)

    def close(self) -> None:
        """Close the sink behind."""
        self._sink.close()


def run(name: str, source: str, sink: str, trace_path: str) -> Traced:
    """Run the pipeline over a source that has enough frames."""
    effect, settings = RUNS[name]
    request = RunRequest(source=source, sink=sink, effect=effect, settings=settings, frames=LAST_FRAME + 1)
    with open_pipeline(probe_board(None), request) as opened:
        opened.loop.sink = watch = Watch(opened.loop.sink, trace_path)
        report = opened.run(lambda _: None)
    settled_mb = watch.rss_mb[len(watch.rss_mb) // 2 :]
    slope_mb = float(np.polyfit(np.arange(len(settled_mb)) * RSS_EVERY, settled_mb, 1)[0])
    return Traced(report.frames_out, report.pool, float(watch.rss_mb[-1]), round(1000 * slope_mb, 3))


if __name__ == "__main__":
    print(msgspec.json.encode(run(*sys.argv[1:])).decode())
