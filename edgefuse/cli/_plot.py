"""The picture of a bench: times of the stages, and the rate over the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from edgefuse.worker.bench import BenchReport

_TYPICAL, _SLOW, _RATE, _QUIET = "#2b6cb0", "#a3c4e8", "#2f855a", "#555555"
_BAR_HEIGHT = 0.62


def draw_bench(report: BenchReport, path: Path) -> None:
    """Write the picture as PNG; no window is opened."""
    run = report.run
    figure = Figure(figsize=(10, 6.2), dpi=120, layout="constrained")
    stages, rate = figure.subplots(2, 1, height_ratios=(3, 2))
    figure.suptitle(f"{run.effect} at point {run.point}", x=0.01, ha="left", fontsize=15, fontweight="bold")
    _draw_stages(stages, report)
    _draw_rate(rate, report)
    for axes in (stages, rate):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
    figure.savefig(path)


def _draw_stages(axes: Axes, report: BenchReport) -> None:
    """Draw a bar a stage: the median dark, up to the 99th percentile light."""
    names, times = list(report.run.stages), list(report.run.stages.values())
    places = range(len(names))
    axes.barh(places, [t.p99_ms for t in times], _BAR_HEIGHT, color=_SLOW, label="99 of 100 frames take less (p99)")
    axes.barh(places, [t.p50_ms for t in times], _BAR_HEIGHT, color=_TYPICAL, label="half of the frames (p50)")
    for place, time in zip(places, times, strict=True):
        text = f"{time.p50_ms:.2f} · {time.p99_ms:.2f} ms"
        axes.annotate(
            text, (time.p99_ms, place), (6, 0), textcoords="offset points", va="center", color=_QUIET, fontsize=9
        )
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.18 * max(t.p99_ms for t in times))
    axes.set_xlabel("ms a frame")
    axes.grid(axis="x", alpha=0.3)
    axes.set_title("p50 · p99 of each stage", loc="left", color=_QUIET, fontsize=10)
    axes.legend(loc="lower right", frameon=False)


def _draw_rate(axes: Axes, report: BenchReport) -> None:
    """Draw the rate over the run and its average."""
    seconds, fps = zip(*report.fps, strict=True) if report.fps else ((), ())
    average = report.run.fps
    axes.plot(seconds, fps, color=_RATE, linewidth=1.8, marker="o", markersize=3)
    axes.axhline(average, color=_QUIET, linewidth=1, linestyle="--")
    axes.set_title(
        f"{average:.0f} fps on average, {report.cpu_ms_per_frame:.1f} ms of processor time a frame, "
        f"{report.run.rss_mb.end:.0f} MB",
        loc="left", color=_QUIET, fontsize=10,
    )  # fmt: skip
    axes.set_ylim(0, 1.15 * max((average, *fps)))
    axes.set_xlim(0, report.run.duration_s)
    axes.set_xlabel("seconds")
    axes.set_ylabel("frames a second")
    axes.grid(alpha=0.3)
