"""``edgefuse bench``: what each stage of the pipeline takes on this unit."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec
from tqdm import tqdm

from edgefuse.cli._compare import compare
from edgefuse.cli._unit import format_table
from edgefuse.cli._worker import enter_worker_python
from edgefuse.command import Command
from edgefuse.errors import ConfigError

if TYPE_CHECKING:
    from edgefuse.worker.bench import BenchReport
    from edgefuse.worker.loop import Counts
    from edgefuse.worker.report import StageTime
    from edgefuse.worker.request import RunRequest


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", help="video, or pattern:1280x720,frames=300; without it a clip of a real face")
    parser.add_argument(
        "--effect", choices=("fuse_mesh", "anonymise", "none"), default="fuse_mesh", help="(default %(default)s)"
    )
    parser.add_argument(
        "--point", metavar="N", type=int, default=0, help="operating point of the profile, 0 is the best"
    )
    parser.add_argument("--frames", metavar="N", type=int, help="stop after so many frames")
    parser.add_argument("--profile", metavar="ID", help="use this profile in place of the one that matches")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the times of the stages and the rate")
    parser.add_argument(
        "--compare",
        choices=("mediapipe",),
        help="find faces by another program, too, in turns over the same frames (in a checkout only)",
    )


def _run(options: argparse.Namespace) -> int:
    enter_worker_python(options.profile)
    if options.compare:
        return compare(options)
    if options.plot:
        _check_plot(options.plot)
    from edgefuse.cli._source import DEFAULT, resolve_source
    from edgefuse.worker.request import RunRequest

    request = RunRequest(
        source=resolve_source(options.source or DEFAULT),
        sink="null",
        effect=options.effect,
        settings={},
        point=options.point,
        frames=options.frames,
    )
    report = _bench(request, options.profile)
    print(msgspec.json.encode(report).decode() if options.json else _describe(report))
    if options.plot:
        from edgefuse.cli._plot import draw_bench

        draw_bench(report, options.plot)
        if not options.json:
            print(f"wrote {options.plot}")
    return 0


def _check_plot(path: Path) -> None:
    """See that the plot can be drawn, before the work."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError(f"cannot draw {path}: matplotlib is not installed (pip install 'edgefuse[plot]')")
    if path.suffix.lower() != ".png":
        raise ConfigError(f"cannot draw {path}: expected a name that ends in .png")
    if not path.parent.is_dir():
        raise ConfigError(f"cannot draw {path}: folder {path.parent} does not exist; mkdir -p {path.parent}")


def _bench(request: RunRequest, profile_id: str | None) -> BenchReport:
    """Open the pipeline, warm, and measure it."""
    from edgefuse.cli._plan import plan_board, probe_board
    from edgefuse.vision.pipeline import stage_names, stage_types
    from edgefuse.worker.bench import bench
    from edgefuse.worker.request import check_request
    from edgefuse.worker.run import open_run

    board = probe_board(profile_id)
    job = check_request(request, board.profile, board.release)
    plan = plan_board(board, job.tasks, job.preparing_tasks)
    tasks = {name: kind.tasks for name, kind in stage_types(stage_names(request.effect, request.settings)).items()}
    bar: tqdm[NoReturn]  # it counts and iterates over nothing
    with open_run(job, board, plan) as run:
        total = min(filter(None, (run.stream.frames, request.frames)), default=None)
        with tqdm(total=total, unit=" frames", desc=request.effect, disable=None) as bar:
            return bench(run, tasks, _advancing(bar))


def _advancing(bar: tqdm[NoReturn]) -> Callable[[Counts], None]:
    def advance(counts: Counts) -> None:
        bar.update(counts.frames_out - bar.n)

    return advance


def _describe(report: BenchReport) -> str:
    run, memory = report.run, report.run.rss_mb
    rows = [["stage", "p50 ms", "p95 ms", "p99 ms", "of its thread", "÷ inference"]]
    rows += [_stage_row(name, time, report.overhead.get(name)) for name, time in run.stages.items()]
    models = [["model", "mean ms", "runs a frame"]]
    models += [[f"{i.model} {i.variant}", f"{i.mean_ms:.3f}", f"{i.runs_per_frame:.2f}"] for i in report.inference]
    return (
        f"{run.effect} at point {run.point}: {run.frames_out} frames, {run.fps:.1f} fps, "
        f"{report.cpu_ms_per_frame:.2f} ms of processor time a frame\n"
        f"latency p50 {run.latency_ms.p50:.1f} ms, p95 {run.latency_ms.p95:.1f} ms, p99 {run.latency_ms.p99:.1f} ms\n"
        f"memory {memory.start:.0f} MB at the start, {memory.end:.0f} at the end, {memory.peak:.0f} at most\n\n"
        f"{format_table(_right_aligned(rows))}\n\n{format_table(_right_aligned(models))}"
    )


def _stage_row(name: str, time: StageTime, overhead: float | None) -> list[str]:
    times = (f"{ms:.2f}" for ms in (time.p50_ms, time.p95_ms, time.p99_ms))
    return [name, *times, f"{time.share:.0%}", "" if overhead is None else f"{overhead:.2f}"]


def _right_aligned(rows: list[list[str]]) -> list[list[str]]:
    """Pad every column but the first from the left, as numbers are read."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [[row[0], *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))] for row in rows]


PLUGIN = Command(
    help="measure the pipeline on this unit, stage by stage",
    example="edgefuse bench --effect anonymise --plot bench.png",
    add_arguments=_add_arguments,
    run=_run,
)
