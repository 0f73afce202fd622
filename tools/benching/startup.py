"""Measure what comes before the first frame, where the models are checked: `edgefuse run` and the service's worker.

The worker is started as the supervisor starts it, and timed from its exec.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import msgspec

from benching.worker_start import Part, measure_worker

ROUNDS = 5
EFFECTS = ("anonymise", "fuse_mesh")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/startup", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    tables = {"edgefuse run, fuse_mesh": _median(_measure_child)}
    tables |= {f"worker, {effect}": _median(partial(measure_worker, effect)) for effect in EFFECTS}
    print(msgspec.json.encode(tables).decode() if options.json else "\n\n".join(map(_describe, tables.items())))
    return 0


def _median(measure: Callable[[], list[Part]]) -> dict[str, float]:
    """Measure again and again; the first time fills caches and checks the models, and does not count."""
    rounds = [measure() for _ in range(ROUNDS + 1)][1:]
    return {part.name: statistics.median(parts[i].seconds for parts in rounds) for i, part in enumerate(rounds[0])}


def _describe(table: tuple[str, dict[str, float]]) -> str:
    title, medians = table
    rows = [f"{name:45}{seconds:7.2f} s" for name, seconds in medians.items()]
    return "\n".join([title, *rows, f"{'all':45}{sum(medians.values()):7.2f} s"])


def _measure_child() -> list[Part]:
    """Start once, in a fresh process."""
    child = subprocess.run([sys.executable, "-m", "benching.startup", "child"], stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(child.stdout.splitlines()[-1], type=list[Part])


def start() -> list[Part]:
    """Do what ``edgefuse run`` does up to the first frame, and note the time after each part."""
    parts: list[Part] = []
    last_s = time.monotonic()

    def note(name: str) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        parts.append(Part(name, now_s - last_s))
        last_s = now_s

    _run(note)
    return parts


def _run(note: Callable[[str], None]) -> None:
    import edgefuse.cli.run  # noqa: F401 -- what the command line itself needs
    from edgefuse.cli._plan import probe_board
    from edgefuse.cli._source import resolve_source

    note("import the command")
    board = probe_board(None)
    note("probe the host, runtimes in child processes")
    source = resolve_source("default")
    note("find the clip in the store")
    from edgefuse.worker.request import RunRequest, check_request
    from edgefuse.worker.run import open_run

    note("import numpy, OpenCV, PyAV and the worker")
    request = RunRequest(source=source, sink="null", effect="fuse_mesh", settings={}, frames=1)
    job = check_request(request, board.profile, board.release)
    note("check the request, import the stages")
    plan = board.plan(job.tasks, job.preparing_tasks)
    note("plan, look golden checks up")
    with open_run(job, board, plan) as run:
        note("open source, sink, models and donor, warm")
        run.run(lambda _: None)
        note("first frame")


if __name__ == "__main__":
    if sys.argv[1:] == ["child"]:
        print(msgspec.json.encode(start()).decode())
    else:
        sys.exit(main())
