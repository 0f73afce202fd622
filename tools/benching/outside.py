"""Measure what a frame costs outside of models and pixel kernels: the interpreter, and arithmetic on a few points.

Point 0 of this unit's plan, fuse_mesh with a photo for a donor, on the frames of a clip that were decoded before, one
stage after the other in one thread, so that nobody waits for anybody. Of each frame's time three parts are taken away:
runs of the models; calls of OpenCV; calls of numpy that write whole maps (take, multiply, add, minimum, copyto in
warping and blending). The rest is "outside". What the stopwatches themselves take is measured and taken away, too.
Medians over the frames; work that find does in the gap between two frames counts to the frame before.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import BuiltinFunctionType, ModuleType
from typing import Any  # whatever OpenCV's functions take

import cv2
import msgspec
import numpy as np

from benching.command import run_bench
from benching.compare import fetch_clips
from benching.finding import read_frames
from benching.opening import open_pipeline
from edgefuse.cli._plan import probe_board
from edgefuse.cli._source import resolve_source
from edgefuse.cli._unit import format_table
from edgefuse.planning.board import Board
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, fetch_media
from edgefuse.vision.types import Frame, Packet
from edgefuse.worker.request import RunRequest
from edgefuse.worker.run import Run

FRAMES, WARM_UP = 240, 40
MAP_MODULES = ("edgefuse.vision.fusion.warp", "edgefuse.vision.fusion.blend")
MAP_FUNCTIONS = ("take", "multiply", "add", "minimum", "copyto")
EMPTY_CALLS = 20_000


class Parts(msgspec.Struct, frozen=True):
    """Milliseconds of a frame."""

    clip: str
    total_ms: float
    """Without stopwatches."""
    models_ms: float
    kernels_ms: float
    outside_ms: float


class Stopwatch:
    """Adds up the time of calls."""

    def __init__(self) -> None:
        self.spent_ns = self.calls = 0

    def watch(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give the function, watched."""

        def watched(*arguments: Any, **keywords: Any) -> Any:
            start_ns = time.perf_counter_ns()
            answer = function(*arguments, **keywords)
            self.spent_ns += time.perf_counter_ns() - start_ns
            self.calls += 1
            return answer

        return watched

    def cost_ns(self) -> float:
        """Measure what watching adds to a call, outside of what is counted."""
        watched, spent_ns, start_ns = self.watch(int), self.spent_ns, time.perf_counter_ns()
        for _ in range(EMPTY_CALLS):
            watched()
        return (time.perf_counter_ns() - start_ns - (self.spent_ns - spent_ns)) / EMPTY_CALLS


class Watched:
    """A module of which some functions are watched."""

    def __init__(self, module: ModuleType, names: Sequence[str], stopwatch: Stopwatch) -> None:
        self._module = module
        # All names, as the look-up of those that are missing here would count as work of the caller.
        self.__dict__.update(vars(module))
        self.__dict__.update({name: stopwatch.watch(getattr(module, name)) for name in names})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@contextmanager
def kernels_watched(stopwatch: Stopwatch) -> Iterator[None]:
    """Let the package's vision modules call their pixel kernels through a stopwatch."""
    functions = [name for name, value in vars(cv2).items() if isinstance(value, BuiltinFunctionType)]
    opencv, numpy = Watched(cv2, functions, stopwatch), Watched(np, MAP_FUNCTIONS, stopwatch)
    ours = [module for name, module in sys.modules.items() if name.startswith("edgefuse.vision")]
    users = [(module, "cv2", opencv) for module in ours if getattr(module, "cv2", None) is cv2]
    users += [(module, "np", numpy) for module in ours if module.__name__ in MAP_MODULES]
    plain = [(module, name, getattr(module, name)) for module, name, _ in users]
    for module, name, value in users:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in plain:
            setattr(module, name, value)


def main() -> None:
    """Measure on a clip, or on those of the comparison with MediaPipe, and print."""
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(prog="tools/bench/outside", description=__doc__)
    parser.add_argument("--source", help="a video; without it the default clip, and three clips of 720p")
    run_bench(parser, _measure, describe)


def _measure(options: argparse.Namespace) -> list[Parts]:
    clips = [Path(resolve_source(options.source))] if options.source else fetch_clips()
    board = probe_board(None)
    return [measure(board, clip) for clip in clips]


def measure(board: Board, clip: Path) -> Parts:
    """Run the first frames of a clip, and once more with stopwatches.

    Raises:
        EdgefuseError: Nothing can run here, or the clip cannot be read.
    """
    with open_fetcher(board.store, lambda *_: None) as fetcher:
        donor = fetch_media(ASTRONAUT, board.store, fetcher)
    request = RunRequest(str(clip), "null", "fuse_mesh", {"fuse_mesh": {"face": str(donor)}})
    stopwatch = Stopwatch()
    with open_pipeline(board, request) as run:
        plain = run_frames(run, _frames(clip), stopwatch)
        with kernels_watched(stopwatch):
            watched = run_frames(run, _frames(clip), stopwatch)
    total_ns, models_ns, kernels_ns, calls = watched[WARM_UP:].T
    outside_ns = total_ns - models_ns - kernels_ns - calls * stopwatch.cost_ns()
    parts = (plain[WARM_UP:, 0], models_ns, kernels_ns, outside_ns)
    return Parts(clip.name, *(round(float(np.median(part)) / 1e6, 3) for part in parts))


def _frames(clip: Path) -> Iterator[Frame]:
    """Decode everything first, then write each frame into one buffer, as a source does."""
    frames = [replace(frame, pixels=frame.pixels.copy()) for frame in itertools.islice(read_frames(clip), FRAMES)]
    pixels = np.empty_like(frames[0].pixels)
    for frame in frames:
        np.copyto(pixels, frame.pixels)
        yield replace(frame, pixels=pixels)


def run_frames(run: Run, frames: Iterator[Frame], stopwatch: Stopwatch) -> np.ndarray:
    """Give (N, 4) a frame: its nanoseconds, those of models and of pixel kernels, and calls of pixel kernels."""
    pipeline, point = run.loop.pipeline, run.loop.ladder[run.loop.point]
    rows = []
    for frame in frames:
        before = _counters(run, stopwatch)
        packet = Packet(frame, point)
        for named in (*pipeline.find, *pipeline.compose):
            packet = named.stage.run(packet)
        for work in (work for named in pipeline.find for work in named.gap):
            work()
        rows.append(_counters(run, stopwatch) - before)
    return np.array(rows)


def _counters(run: Run, stopwatch: Stopwatch) -> np.ndarray:
    models_ns = sum(model.spent_ns for model in run.stages.models)
    return np.array((time.perf_counter_ns(), models_ns, stopwatch.spent_ns, stopwatch.calls))


def describe(rows: Sequence[Parts]) -> str:
    """Give the parts for a person."""
    table: list[tuple[str, ...]] = [("ms a frame, median", "all", "models", "pixel kernels", "outside")]
    for row in rows:
        times = (row.total_ms, row.models_ms, row.kernels_ms, row.outside_ms)
        table.append((row.clip, *(f"{ms:.2f}" for ms in times)))
    return format_table(table)


if __name__ == "__main__":
    main()
