"""Detector and tracker of edgefuse, and its whole pipeline, beside MediaPipe, in turns over the same frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any  # each side answers in its own way

import msgspec
import numpy as np
from numpy.typing import NDArray

from benching.peer import MediaPipe, fill
from benching.whole import Whole
from edgefuse.planning.board import Board
from edgefuse.vision.model import Model
from edgefuse.vision.opener import open_models
from edgefuse.vision.pipeline import Settings, load_options, make_pipeline, stage_types
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame, Packet, Pixels

STAGES = ("detect_faces", "track_faces")
RUNS_ALONE = 10
TIMING = np.dtype([("wall_s", "f8"), ("cpu_s", "f8"), ("is_found", "?"), ("alone_s", "f8")])
"""One frame: by the clock, by the processor with all threads, whether a face with landmarks was found, and what the
models that ran on it take when nothing is done between their runs; 0 for MediaPipe, whose models cannot be asked."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of frames by every side: (N,) of ``TIMING`` each."""

    one_face: NDArray[np.void]
    """Detector and tracker, following one face and then not looking for others, as MediaPipe does."""
    newcomers: NDArray[np.void]
    """The same as they come: with room for more faces, they look for newcomers every few frames."""
    theirs: NDArray[np.void]
    whole_s: float
    """All frames through the whole pipeline with fuse_mesh."""
    whole_cpu_s: float
    """The same in time of the processor."""

    def ratio(self, ours_s: float) -> float:
        """Give MediaPipe's time in units of ours."""
        return float(self.theirs["wall_s"].sum() / ours_s)


def overhead(timings: NDArray[np.void]) -> float:
    """Give our time for a frame in units of the models' own; the median frame."""
    return float(np.median(timings["wall_s"] / timings["alone_s"]))


class Finder:
    """What the plan of this unit chose for one operating point, with one thread a model."""

    def __init__(self, board: Board, point: int, height_px: int, width_px: int, settings: Settings) -> None:
        """Open the models.

        Args:
            board: What runs where.
            point: Of its ladder.
            height_px: Of the frames.
            width_px: Of the frames.
            settings: Of the two stages.

        Raises:
            EdgefuseError: Nothing can run here.
        """
        planned = board.plan(STAGES)
        choices = tuple(msgspec.structs.replace(choice, threads=1) for choice in planned.choices)
        plan = msgspec.structs.replace(planned, choices=choices)
        self._models = open_models(plan, board.release, board.store, STAGES)
        self._point = board.profile.ladder[point]
        options = load_options(stage_types(STAGES), settings)
        stream = StreamFormat(width_px, height_px, rate_hz=30.0)
        self._stages = make_pipeline(options, self._models, (self._point,), stream).find
        self._buffer = Buffer(height_px * width_px * 3)
        self._pixels = self._buffer.view(height_px, width_px)
        self.models = (self._models.model(STAGES[0], self._point.detect_px), self._models.model(STAGES[1]))

    def find(self, frames: Iterable[Pixels], captured_ns: Sequence[int]) -> NDArray[np.void]:
        """Give (N,) of ``TIMING``; each frame is written just before it is timed, as a source does."""
        timings = np.zeros(len(captured_ns), TIMING)
        runs = np.zeros((len(captured_ns) + 1, len(self.models)))
        runs[0] = [model.runs for model in self.models]
        for index, (pixels, time_ns) in enumerate(zip(frames, captured_ns)):  # noqa: B905  the last block is short
            timing = timings[index]
            np.copyto(self._pixels, pixels)
            packet = Packet(Frame(self._pixels, 0, time_ns, self._buffer), self._point)
            start_s, start_cpu_s = time.perf_counter(), time.process_time()
            for named in self._stages:
                packet = named.stage.run(packet)
            timing["wall_s"], timing["cpu_s"] = time.perf_counter() - start_s, time.process_time() - start_cpu_s
            timing["is_found"] = any(face.mesh is not None for face in packet.faces)
            runs[index + 1] = [model.runs for model in self.models]
        timings["alone_s"] = np.diff(runs, axis=0) @ [_time_alone(model) for model in self.models]
        return timings

    def close(self) -> None:
        """Close the models."""
        self._models.close()


class Sides:
    """Everybody who takes part."""

    def __init__(self, board: Board, point: int, height_px: int, width_px: int) -> None:
        """Open everything.

        Raises:
            EdgefuseError: One of them cannot run.
        """
        self.finder = Finder(board, point, height_px, width_px, {"track_faces": {"max_faces": "1"}})
        self.shipped = Finder(board, point, height_px, width_px, {})
        self.whole = Whole(board, point, height_px, width_px)
        self.peer = MediaPipe(height_px, width_px)

    def compare(self, frames: Iterator[Frame]) -> Iterator[Block]:
        """Give block after block; who begins changes, and the first one, which is not given, warms all up."""
        for index, times_ns in enumerate(fill(self.peer.frames, frames)):
            block = self._take_turns(index, times_ns)
            if index:
                yield block

    def _take_turns(self, index: int, times_ns: list[int]) -> Block:
        pixels = self.peer.frames
        turns: list[Callable[[], Any]] = [
            lambda: self.finder.find(pixels, times_ns),
            lambda: self.shipped.find(pixels, times_ns),
            lambda: _timings(self.peer.find(len(times_ns))),
            lambda: self.whole.fuse(pixels, times_ns),
        ]
        order = [(index + place) % len(turns) for place in range(len(turns))]
        done = {place: turns[place]() for place in order}
        return Block(done[0], done[1], done[2], *done[3])

    def __enter__(self) -> Sides:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None) -> None:
        self.peer.__exit__(kind, e, trace)
        for side in (self.whole, self.finder, self.shipped):
            side.close()


def _time_alone(model: Model) -> float:
    """Give the median seconds of a run."""
    times_s = []
    for _ in range(RUNS_ALONE):
        start_s = time.perf_counter()
        model.session.run()
        times_s.append(time.perf_counter() - start_s)
    return float(np.median(times_s))


def _timings(answers: NDArray[np.void]) -> NDArray[np.void]:
    """Turn MediaPipe's answers into (N,) of ``TIMING``."""
    timings = np.zeros(len(answers), TIMING)
    timings["wall_s"], timings["cpu_s"] = answers["wall_s"], answers["cpu_s"]
    timings["is_found"] = np.isfinite(answers["mesh"][:, 0, 0])
    return timings
