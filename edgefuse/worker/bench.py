"""A run as a measurement: what each stage takes, how much of that is inference, and how the rate holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from edgefuse import clock
from edgefuse.errors import EdgefuseError
from edgefuse.vision.model import Model
from edgefuse.worker.loop import Counts
from edgefuse.worker.report import RunReport
from edgefuse.worker.run import Run

MIN_PACE_S = 0.15
"""Shorter than the time between two looks of the loop; the last look may come right after the one before."""


class Inference(msgspec.Struct, frozen=True, kw_only=True):
    """One model that a stage ran."""

    task: str
    model: str
    variant: str
    runs_per_frame: float
    mean_ms: float
    """Of one run, between the frames' other work."""


class BenchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a run took."""

    v: int = 1
    run: RunReport
    cpu_ms_per_frame: float
    """Processor time of all threads."""
    inference: tuple[Inference, ...]
    overhead: dict[str, float]
    """By stage that runs models: its time ÷ the time of its models' runs; 1 would be nothing of our own."""
    fps: tuple[tuple[float, float], ...]
    """Seconds since the start, and frames a second delivered until then from the row before."""


def bench(run: Run, tasks: Mapping[str, tuple[str, ...]], on_progress: Callable[[Counts], None]) -> BenchReport:
    """Run to the end and take the times apart.

    Args:
        run: Opened and warm.
        tasks: Which tasks each stage runs models for.
        on_progress: Called now and then.

    Raises:
        EdgefuseError: As ``Run.run``, or not one frame was delivered.
    """
    pace = Pace()

    def watch(counts: Counts) -> None:
        pace.note(counts.frames_out)
        on_progress(counts)

    for model in run.stages.models:
        model.runs = model.spent_ns = 0
    report = run.run(watch)
    if not report.frames_out:
        raise EdgefuseError("cannot measure: not one frame was delivered")
    spent_ns = {name: sum(m.spent_ns for m in run.stages.models if m.manifest.task in tasks[name]) for name in tasks}
    return BenchReport(
        run=report,
        cpu_ms_per_frame=round(1000 * report.cpu_s / report.frames_out, 3),
        inference=tuple(_sum_up(model, report.frames_out) for model in run.stages.models if model.runs),
        overhead={name: round(run.loop.stage_times[name].total_ns / ns, 2) for name, ns in spent_ns.items() if ns},
        fps=tuple(pace.rows),
    )


def _sum_up(model: Model, frames: int) -> Inference:
    return Inference(
        task=model.manifest.task,
        model=model.manifest.id,
        variant=model.variant.id,
        runs_per_frame=round(model.runs / frames, 3),
        mean_ms=round(model.spent_ns / 1e6 / model.runs, 4),
    )


class Pace:
    """Turns counts of frames, noted at any time, into rates."""

    def __init__(self, now_ns: Callable[[], int] = clock.now_ns) -> None:
        self._now_ns = now_ns
        self._start_ns = self._last_ns = now_ns()
        self._last_frames = 0
        self.rows: list[tuple[float, float]] = []

    def note(self, frames: int) -> None:
        """Add a row, unless the row before is too young to tell a rate."""
        now_ns = self._now_ns()
        elapsed_s = (now_ns - self._last_ns) / clock.NS_PER_S
        if elapsed_s >= MIN_PACE_S:
            since_start_s = (now_ns - self._start_ns) / clock.NS_PER_S
            self.rows.append((round(since_start_s, 3), round((frames - self._last_frames) / elapsed_s, 2)))
            self._last_ns, self._last_frames = now_ns, frames
