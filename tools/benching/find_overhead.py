"""Measure what finding a face costs beyond its models: time of detector and tracker by time of inference alone.

One thread, the default clip scaled to 720 lines, detector in every 10th frame. Each frame is written into the buffer
just before, as a source does. The clip's first frames are passed several times, and of each frame the fastest pass
counts: what the code costs, not what else the machine was doing.
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import replace

import cv2
import msgspec
import numpy as np

from benching.command import run_bench
from benching.finding import VARIANTS, Finder, fetch_clip, open_models, read_frames
from edgefuse.runtime import Session
from edgefuse.vision.model import Model, Models
from edgefuse.vision.pool import Buffer
from edgefuse.vision.types import Frame

HEIGHT_PX, FRAMES, PASSES, DETECT_EVERY = 720, 150, 7, 10
TASKS = ("detect_faces", "track_faces")


class Overhead(msgspec.Struct, frozen=True):
    """Milliseconds a frame."""

    runtime: str
    total_ms: float
    inference_ms: float
    ratio: float


class Stopwatch:
    """A session that adds up the time of its runs."""

    def __init__(self, session: Session) -> None:
        self.inputs, self.outputs, self.provider = session.inputs, session.outputs, session.provider
        self.bind, self.close = session.bind, session.close
        self._session = session
        self.spent_s = 0.0

    def run(self) -> None:
        start_s = time.perf_counter()
        self._session.run()
        self.spent_s += time.perf_counter() - start_s


def main() -> None:
    """Measure on each runtime and print."""
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(prog="tools/bench/find_overhead", description=__doc__)
    run_bench(parser, lambda _: measure_all(), table)


def measure_all() -> list[Overhead]:
    """Measure on each runtime, on the same frames."""
    frames = [copy_large(frame) for frame in itertools.islice(read_frames(fetch_clip()), FRAMES)]
    return [measure(runtime, frames) for runtime in ("tflite", "openvino")]


def copy_large(frame: Frame) -> Frame:
    """Copy a frame, scaled."""
    height_px, width_px = frame.pixels.shape[:2]
    scaled = cv2.resize(frame.pixels, (width_px * HEIGHT_PX // height_px, HEIGHT_PX))
    return replace(frame, pixels=np.asarray(scaled, np.uint8))


def measure(runtime: str, frames: list[Frame]) -> Overhead:
    """Run detector and tracker over the frames, several times."""
    opened = open_models(runtime)
    models = [opened.model(task) for task in TASKS]
    watches = [Stopwatch(model.session) for model in models]
    timed = Models(_with_session(model, watch) for model, watch in zip(models, watches, strict=True))
    passes = np.array([_pass(timed, watches, frames) for _ in range(PASSES)])
    opened.close()
    total_ms, inference_ms = passes.min(axis=0).mean(axis=0).tolist()
    return Overhead(runtime, total_ms, inference_ms, total_ms / inference_ms)


def _with_session(model: Model, session: Session) -> Model:
    return replace(model, session=session)


def _pass(models: Models, watches: list[Stopwatch], frames: list[Frame]) -> list[tuple[float, float]]:
    """Give each frame's milliseconds, all and inference alone."""
    finder = Finder(models, frames[0].pixels.shape[:2], DETECT_EVERY, is_smoothed=True)
    buffer = Buffer(frames[0].pixels.size)
    pixels = buffer.view(*frames[0].pixels.shape[:2])
    times_ms = []
    for frame in frames:
        np.copyto(pixels, frame.pixels)
        before_s, start_s = sum(watch.spent_s for watch in watches), time.perf_counter()
        finder.find(replace(frame, pixels=pixels, buffer=buffer))
        total_s = time.perf_counter() - start_s
        times_ms.append((1e3 * total_s, 1e3 * (sum(watch.spent_s for watch in watches) - before_s)))
    return times_ms


def table(report: list[Overhead]) -> str:
    """Give the report for a person."""
    lines = [
        f"{'ms a frame':12}{'total':>8}{'inference':>11}{'ratio':>8}   {' + '.join(model for model, _ in VARIANTS)}"
    ]
    lines += [f"{row.runtime:12}{row.total_ms:8.3f}{row.inference_ms:11.3f}{row.ratio:8.2f}" for row in report]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
