"""Run the pipeline over a looped clip for a long time: does memory stay, does order, do times?

Passes when, from minute 2 on, resident memory grows by at most 1 MB an hour, it never exceeds what the profile allows,
no frame is out of order, every buffer came back, no frame of a file is lost, and p99 is at most 1.5 times p50: of the
latency with --paced, else of the time from frame to frame (else exit code 1).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import msgspec
import numpy as np
from tqdm import tqdm

from benching.command import run_bench
from benching.endless import write_endless
from benching.opening import open_pipeline
from edgefuse import clock
from edgefuse.cli._plan import probe_board
from edgefuse.cli._source import resolve_source
from edgefuse.cli._unit import format_table
from edgefuse.memory import resident_mb
from edgefuse.planning.board import Board
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.types import Frame
from edgefuse.worker.histogram import Histogram
from edgefuse.worker.loop import Counts, Loop
from edgefuse.worker.report import RunReport
from edgefuse.worker.request import RunRequest

SETTLING_S = 120.0
"""Heap and decoder settle meanwhile."""
MIN_FIT_S = 600.0
"""Over a shorter time one step of the heap would look like tens of megabytes an hour."""
SAMPLE_S = 10.0
"""A sample takes 200 bytes: in an hour less than a tenth of what may be lost."""
MAX_SLOPE_MB_PER_H = 1.0
MAX_SPREAD = 1.5
MAX_SPEED = 100.0
"""How much faster than the clip the pipeline may be before the film ends too soon."""


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """What was seen at one moment, times since the sample before."""

    at_s: float
    rss_mb: float
    p50_ms: float
    p99_ms: float


class Soak(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    is_paced: bool
    asked_s: float
    memory_mb: float
    """What the profile allows."""
    out_of_order: int
    p50_ms: float
    p99_ms: float
    """Of the latency where it is paced, else of the time from frame to frame."""
    slope_mb_per_h: float
    is_slope_judged: bool
    """It was long enough for that."""
    run: RunReport
    samples: tuple[Sample, ...]

    def faults(self) -> list[str]:
        """List what is not as it must be."""
        run, pool = self.run, self.run.pool
        checks = {
            f"it ended after {run.duration_s:.0f} s of {self.asked_s:.0f}": run.duration_s < self.asked_s - 1,
            f"memory grows by {self.slope_mb_per_h:.2f} MB an hour": (
                self.is_slope_judged and self.slope_mb_per_h > MAX_SLOPE_MB_PER_H
            ),
            f"memory reached {run.rss_mb.peak:.0f} MB of {self.memory_mb:.0f}": run.rss_mb.peak > self.memory_mb,
            f"{self.out_of_order} frames are out of order": self.out_of_order > 0,
            f"{pool.leased - pool.returned} buffers did not come back": pool.leased != pool.returned,
            f"{run.dropped} frames of a file are lost": run.dropped > 0 and not self.is_paced,
            f"p99 is {self.p99_ms / max(self.p50_ms, 1e-6):.2f} times p50": self.p99_ms > MAX_SPREAD * self.p50_ms,
        }
        return [fault for fault, is_true in checks.items() if is_true]


@dataclass
class Watch:
    """A sink that takes nothing down but order and times, in fixed memory."""

    is_paced: bool
    is_live: bool = field(default=False, init=False)
    out_of_order: int = field(default=0, init=False)
    times: Histogram = field(default_factory=Histogram, init=False)
    times_since_sample: Histogram = field(default_factory=Histogram, init=False)
    _last_index: int = field(default=-1, init=False)
    _last_ns: int | None = field(default=None, init=False)

    def open(self, stream: StreamFormat) -> None:
        """Nothing has to be acquired."""

    def write(self, frame: Frame) -> None:
        """Note the frame."""
        now_ns = clock.now_ns()
        self.out_of_order += frame.index <= self._last_index
        since_ns = frame.captured_ns if self.is_paced else self._last_ns
        if since_ns is not None:
            self.times.add(now_ns - since_ns)
            self.times_since_sample.add(now_ns - since_ns)
        self._last_index, self._last_ns = frame.index, now_ns

    def close(self) -> None:
        """Nothing has to be released."""

    def sample(self, at_s: float) -> Sample:
        """Look at the memory, and sum up the times since the last look."""
        times, self.times_since_sample = self.times_since_sample, Histogram()
        return Sample(round(at_s, 1), round(resident_mb(), 3), times.percentile_ms(50), times.percentile_ms(99))


def main() -> int:
    """Measure, print, and exit with 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="tools/bench/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, metavar="N", help="how long (default %(default)g)")
    parser.add_argument("--paced", action="store_true", help="play the clip like a camera, not as fast as can be")
    parser.add_argument("--effect", choices=("fuse_mesh", "anonymise", "none"), default="fuse_mesh")
    parser.add_argument("--source", default="default", help="a video; `default` is a clip of a real face")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw memory and times")
    options, soak = run_bench(parser, _measure, describe)
    if options.plot:
        draw(soak, options.plot)
    return 1 if soak.faults() else 0


def _measure(options: argparse.Namespace) -> Soak:
    """Do what the command line asks."""
    request = RunRequest(resolve_source(options.source), "null", options.effect, {}, is_paced=options.paced)
    return measure(probe_board(None), request, 60 * options.minutes)


def measure(board: Board, request: RunRequest, asked_s: float) -> Soak:
    """Run a request on a source that does not end before the time is over.

    Raises:
        EdgefuseError: The pipeline cannot be opened, or the run failed.
    """
    with tempfile.TemporaryDirectory() as folder, _open_bar(asked_s) as bar:
        film = write_endless(Path(request.source), Path(folder), MAX_SPEED * asked_s)
        with open_pipeline(board, replace(request, source=str(film))) as run:
            run.loop.sink = watch = Watch(request.is_paced)
            samples: list[Sample] = []
            report = run.run(_watcher(run.loop, watch, samples, asked_s, bar))
    settled = [sample for sample in samples if sample.at_s > min(SETTLING_S, asked_s / 2)]
    return Soak(
        is_paced=request.is_paced,
        asked_s=asked_s,
        memory_mb=board.profile.memory_mb,
        out_of_order=watch.out_of_order,
        p50_ms=watch.times.percentile_ms(50),
        p99_ms=watch.times.percentile_ms(99),
        slope_mb_per_h=round(slope_mb_per_h(settled), 3),
        is_slope_judged=asked_s - SETTLING_S >= MIN_FIT_S,
        run=report,
        samples=tuple(samples),
    )


def slope_mb_per_h(samples: Sequence[Sample]) -> float:
    """Give the growth of memory as the median of the slopes between all pairs of samples (Theil and Sen).

    A single step of the heap, or one bad moment of the machine, does not move it as it would a least-squares line.
    """
    if len(samples) < 2:
        return 0.0
    early, late = np.triu_indices(len(samples), 1)
    at_s, rss_mb = np.array([(sample.at_s, sample.rss_mb) for sample in samples]).T
    return float(np.median((rss_mb[late] - rss_mb[early]) / (at_s[late] - at_s[early]))) * 3600


def _open_bar(asked_s: float) -> tqdm[NoReturn]:  # it counts and iterates over nothing
    return tqdm(total=round(asked_s), unit=" s", disable=None)


def _watcher(
    loop: Loop, watch: Watch, samples: list[Sample], asked_s: float, bar: tqdm[NoReturn]
) -> Callable[[Counts], None]:
    """Make what looks at a run now and then: it samples, shows how far it is, and ends it."""
    start_ns = clock.now_ns()

    def look(counts: Counts) -> None:
        at_s = (clock.now_ns() - start_ns) / clock.NS_PER_S
        if at_s >= (samples[-1].at_s if samples else 0.0) + SAMPLE_S:
            samples.append(watch.sample(at_s))
            bar.set_postfix_str(f"{counts.frames_out} frames, {samples[-1].rss_mb:.1f} MB", refresh=False)
        bar.update(min(round(at_s), round(asked_s)) - bar.n)
        if at_s >= asked_s:
            loop.stop()

    return look


def describe(soak: Soak) -> str:
    """Give the run for a person."""
    run, faults = soak.run, soak.faults()
    rows = [
        ("frames", f"{run.frames_out} of {run.frames_in}, {run.dropped} dropped, {run.skipped} skipped"),
        ("out of order", str(soak.out_of_order)),
        ("buffers", f"{run.pool.leased} leased, {run.pool.returned} returned, {run.pool.peak} at most"),
        ("latency" if soak.is_paced else "frame time", _describe_times(soak)),
        ("memory", f"{run.rss_mb.peak:.0f} MB at most of {soak.memory_mb:.0f}"),
        ("growth", f"{soak.slope_mb_per_h:.2f} MB an hour{'' if soak.is_slope_judged else ', too short to judge'}"),
        *(("fault", fault) for fault in faults),
    ]
    way = "paced" if soak.is_paced else "flat out"
    head = f"{run.effect}, {way}, {run.duration_s / 60:.1f} minutes: {'failed' if faults else 'passed'}"
    return f"{head}\n{format_table(rows)}"


def _describe_times(soak: Soak) -> str:
    return f"p50 {soak.p50_ms:.2f} ms, p99 {soak.p99_ms:.2f} ms, {soak.p99_ms / max(soak.p50_ms, 1e-6):.2f} times"


def draw(soak: Soak, path: Path) -> None:
    """Write the picture: memory, and below it the times, over the run."""
    from matplotlib.figure import Figure  # its 40 MB are no part of what is measured

    figure = Figure(figsize=(9, 5), dpi=120, layout="constrained")
    memory, times = figure.subplots(2, 1, sharex=True)
    minutes = [sample.at_s / 60 for sample in soak.samples]
    memory.plot(minutes, [sample.rss_mb for sample in soak.samples], color="#3b6ea5")
    memory.set_ylim(0, 1.15 * soak.run.rss_mb.peak)
    memory.set_title(f"resident memory, MB: {soak.slope_mb_per_h:+.2f} an hour", loc="left", fontsize=10)
    times.plot(minutes, [sample.p99_ms for sample in soak.samples], color="#d0a050", label="p99")
    times.plot(minutes, [sample.p50_ms for sample in soak.samples], color="#3b6ea5", label="p50")
    times.set_ylim(0)
    times.set_title(
        f"{'latency' if soak.is_paced else 'from frame to frame'}, ms, of {SAMPLE_S:g} seconds each",
        loc="left", fontsize=10,
    )  # fmt: skip
    times.set_xlabel("minutes")
    times.legend(frameon=False)
    for axes in (memory, times):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.savefig(path)


if __name__ == "__main__":
    sys.exit(main())
