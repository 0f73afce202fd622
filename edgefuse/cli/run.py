"""``edgefuse run``: the main job, from a source through an effect to a sink."""

from __future__ import annotations

import argparse
import json
import signal
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

from edgefuse import disk
from edgefuse.cli._worker import enter_worker_python
from edgefuse.command import INTERRUPTED, Command
from edgefuse.errors import ConfigError

if TYPE_CHECKING:
    from edgefuse.planning.plan import Plan
    from edgefuse.worker.loop import Counts, Loop
    from edgefuse.worker.report import RunReport
    from edgefuse.worker.run import Run


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        required=True,
        help="video, picture or folder; v4l2:/dev/video0, csi:0, rtsp://…, pattern; `default` is a clip of a real face",
    )
    parser.add_argument(
        "--sink",
        required=True,
        help="name.mp4, name.png or folder/, replaced where it exists; mjpeg:8080, rtsp://…, "
        "v4l2loopback:/dev/video9; `null` discards",
    )
    parser.add_argument(
        "--effect",
        choices=("fuse_mesh", "anonymise", "none"),
        default="fuse_mesh",
        help="fuse_mesh lays a donor's face over one face (without --effect it does that), anonymise hides every face, "
        "none only finds them",
    )
    parser.add_argument("--face", metavar="PHOTO", help="photo of the donor; a synthetic person without it")
    parser.add_argument(
        "--set",
        metavar="STAGE.KEY=VALUE",
        action="append",
        default=[],
        help="an option of a stage, for example anonymise.method=pixelate; may be given several times",
    )
    parser.add_argument(
        "--point", metavar="N", type=int, default=0, help="operating point of the profile, 0 is the best"
    )
    parser.add_argument("--profile", metavar="ID", help="use this profile in place of the one that matches")
    parser.add_argument("--frames", type=_count, metavar="N", help="stop after so many frames")
    parser.add_argument("--live", action="store_true", help="play a file like a camera: what comes too fast is dropped")
    parser.add_argument(
        "--draw", action="store_true", help="draw boxes, ids and landmarks of faces, also over what the effect hides"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write a report as JSON")


def _run(options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` is answered like Ctrl-C
    enter_worker_python(options.profile)
    from edgefuse.cli._plan import plan_board, probe_board
    from edgefuse.cli._source import resolve_source
    from edgefuse.worker.request import RunRequest, check_request
    from edgefuse.worker.run import open_run

    if options.report:
        _check_report(options.report)
    settings = _settings(options)
    board = probe_board(options.profile)
    request = RunRequest(
        source=resolve_source(options.source),
        sink=options.sink,
        effect=options.effect,
        settings=settings,
        point=options.point,
        is_paced=options.live,
        frames=options.frames,
        is_drawn=options.draw,
    )
    job = check_request(request, board.profile, board.release)
    plan = plan_board(board, job.tasks, job.preparing_tasks)
    with open_run(job, board, plan) as run:
        report = _run_with_bar(run)
    if options.report:
        disk.write_atomically(options.report.resolve(), report.to_json())
    print(_describe(report, job.tasks | job.lasting_tasks, options.sink))
    return INTERRUPTED if report.is_interrupted else 0


def _check_report(path: Path) -> None:
    """See that the report can be written, before minutes of work."""
    if path.exists() and not path.is_file():
        raise ConfigError(f"cannot write {path}: it is not a file")
    if not path.parent.is_dir():
        raise ConfigError(f"cannot write {path}: folder {path.parent} does not exist; mkdir -p {path.parent}")
    try:
        tempfile.TemporaryFile(dir=path.resolve().parent).close()
    except OSError as e:
        raise ConfigError(f"cannot write {path}: {(e.strerror or str(e)).lower()}") from e


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got '{text}'")
    return int(text)


def _settings(options: argparse.Namespace) -> dict[str, dict[str, str]]:
    """Sort the stage options by stage and key."""
    settings: dict[str, dict[str, str]] = {}
    for text in options.set:
        name, equals, value = text.partition("=")
        stage, dot, key = name.partition(".")
        if not (equals and dot and key):
            raise ConfigError(f"cannot set '{text}': expected STAGE.KEY=VALUE, for example anonymise.method=pixelate")
        settings.setdefault(stage, {})[key] = value
    if options.face:
        if options.effect != "fuse_mesh":
            raise ConfigError(f"cannot use --face with the effect '{options.effect}': it has no donor")
        if not Path(options.face).is_file():
            raise ConfigError(f"cannot use {options.face} as a face: no such file; name a photo of one person")
        settings.setdefault(options.effect, {})["face"] = json.dumps(options.face)
    return settings


def _run_with_bar(run: Run) -> RunReport:
    """Show a bar where the number of frames is known, a running line where it is not."""
    bar: tqdm[NoReturn]  # it counts and iterates over nothing
    with tqdm(total=run.stream.frames, unit=" frames", desc=run.request.effect, disable=None) as bar:
        return run.run(_watcher(run.loop, bar))


def _watcher(loop: Loop, bar: tqdm[NoReturn]) -> Callable[[Counts], None]:
    def watch(counts: Counts) -> None:
        bar.set_postfix_str(f"point {loop.point}{_describe_losses(counts)}", refresh=False)
        bar.update(counts.frames_out - bar.n)

    return watch


def _describe(report: RunReport, tasks: Collection[str], sink: str) -> str:
    found = report.faces / report.frames_out if report.frames_out else 0.0
    start = "interrupted after " if report.is_interrupted else ""
    frames = "1 frame" if report.frames_out == 1 else f"{report.frames_out} frames"
    lines = [
        f"{start}{frames}{_describe_losses(report)} at {report.fps:.1f} fps, "
        f"latency p50 {report.latency_ms.p50:.1f} ms p99 {report.latency_ms.p99:.1f} ms, "
        f"{found:.2f} faces a frame, {report.rss_mb.end:.0f} MB",
        f"ran {_describe_models(report.plan, tasks)}",
    ]
    if sink != "null" and report.frames_out:
        lines.append(f"wrote {sink}")
    return "\n".join(lines)


def _describe_losses(counts: Counts | RunReport) -> str:
    """Name what did not go as it should; nothing where all went well."""
    losses = {
        "dropped": counts.dropped,
        "skipped": counts.skipped,
        "failed": counts.failures,
        "source losses": counts.source_losses,
    }
    return "".join(f", {number} {what}" for what, number in losses.items() if number)


def _describe_models(plan: Plan, tasks: Collection[str]) -> str:
    """Name the models by where they run."""
    models: dict[str, list[str]] = {}
    for choice in plan.choices:
        if choice.task in tasks:
            models.setdefault(f"{choice.runtime} {choice.target}", []).append(choice.model)
    return "; ".join(f"{', '.join(dict.fromkeys(names))} on {place}" for place, names in models.items())


PLUGIN = Command(
    help="run the face pipeline from a source to a sink",
    example="edgefuse run --source default --effect anonymise --sink anonymised.mp4",
    add_arguments=_add_arguments,
    run=_run,
)
