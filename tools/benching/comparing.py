"""Detector and tracker of edgefuse beside MediaPipe, in turns over the same frames."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from benching.peer import MediaPipe, fill
from edgefuse.planning.board import Board
from edgefuse.vision.model import Model
from edgefuse.vision.opener import open_models
from edgefuse.vision.pipeline import load_options, make_pipeline, stage_types
from edgefuse.vision.pool import Buffer
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame, Packet, Pixels

STAGES = ("detect_faces", "track_faces")
RUNS_ALONE = 10
TIMING = np.dtype([("wall_s", "f8"), ("cpu_s", "f8"), ("is_found", "?"), ("alone_s", "f8")])
"""One frame: by the clock, by the processor with all threads, whether a face with landmarks was found, and what the
models that ran on it take when nothing is done between their runs; 0 for MediaPipe, whose models cannot be asked."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One block of frames by both."""

    ours: NDArray[np.void]
    """(N,) of ``TIMING``."""
    theirs: NDArray[np.void]
    """(N,) of ``TIMING``."""

    @property
    def ratio(self) -> float:
        """MediaPipe's time in units of ours."""
        return float(self.theirs["wall_s"].sum() / self.ours["wall_s"].sum())

    @property
    def overhead(self) -> float:
        """Our time for a frame in units of the models' own; the median frame."""
        return float(np.median(self.ours["wall_s"] / self.ours["alone_s"]))


class Finder:
    """What the plan of this unit chose for one operating point, with one thread a model, following one face."""

    def __init__(self, board: Board, point: int, height_px: int, width_px: int) -> None:
        """Open the models.

        Raises:
            EdgefuseError: Nothing can run here.
        """
        planned = board.plan(STAGES)
        choices = tuple(msgspec.structs.replace(choice, threads=1) for choice in planned.choices)
        plan = msgspec.structs.replace(planned, choices=choices)
        self._models = open_models(plan, board.release, board.store, STAGES)
        self._point = board.profile.ladder[point]
        options = load_options(stage_types(STAGES), {"track_faces": {"max_faces": "1"}})
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


def compare(finder: Finder, peer: MediaPipe, frames: Iterator[Frame]) -> Iterator[Pair]:
    """Give pair after pair; who begins changes, and the first block, which is not given, warms both up."""
    for index, times_ns in enumerate(fill(peer.frames, frames)):
        if index % 2:
            ours, answers = finder.find(peer.frames, times_ns), peer.find(len(times_ns))
        else:
            answers, ours = peer.find(len(times_ns)), finder.find(peer.frames, times_ns)
        if index:
            yield Pair(ours, _timings(answers))


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
