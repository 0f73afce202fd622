"""Start the supervisor again and again: how long until the first frame is delivered, how long until it is gone?

Passes when frames are delivered within 2 s in the median, and every stop takes less than 5 s (else exit code 1). Times
are of the whole process, from its exec on, and until the supervisor knows of frames; the first start, which may have to
prove the runtimes, is told apart.
"""

from __future__ import annotations

import argparse
import statistics
import sys

import msgspec
from tqdm import trange

from benching.command import run_bench
from benching.supervised import open_supervisor, unit_root
from edgefuse import clock
from edgefuse.cli._source import resolve_source
from edgefuse.cli._unit import format_table
from edgefuse.supervisor.control import Status

START_S, STOP_S, PATIENCE_S = 2.0, 5.0, 60.0


class Starts(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    first_s: float
    starts_s: tuple[float, ...]
    stops_s: tuple[float, ...]
    parts: str
    """What the last start of the worker took, in words."""

    def faults(self) -> list[str]:
        """List what is not as it must be."""
        start_s, stop_s = statistics.median(self.starts_s), max(self.stops_s)
        checks = {
            f"frames come after {start_s:.2f} s": start_s > START_S,
            f"a stop took {stop_s:.2f} s": stop_s > STOP_S,
        }
        return [fault for fault, is_true in checks.items() if is_true]


def main() -> int:
    """Measure, print, and exit with 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="tools/bench/supervisor_start", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=7, metavar="N", help="starts after the first (default %(default)d)"
    )
    parser.add_argument("--effect", default="anonymise", choices=("fuse_mesh", "anonymise", "none"))
    _, starts = run_bench(parser, _measure, describe)
    return 1 if starts.faults() else 0


def _measure(options: argparse.Namespace) -> Starts:
    site = {"source": f"loop:{resolve_source('default')}", "sink": "null", "effect": options.effect}
    starts_s, stops_s, parts = [], [], ""
    with unit_root(site) as root:
        for _ in trange(options.count + 1, unit=" start", disable=None):
            start_ns = clock.now_ns()
            with open_supervisor(root) as unit:
                status, _ = unit.wait(_is_delivering, PATIENCE_S)
                starts_s.append(_since(start_ns))
                parts = next(event.text for event in status.events if event.kind == "worker_running")
                start_ns = clock.now_ns()
            stops_s.append(_since(start_ns))
    return Starts(first_s=starts_s[0], starts_s=tuple(starts_s[1:]), stops_s=tuple(stops_s), parts=parts)


def _since(start_ns: int) -> float:
    return round((clock.now_ns() - start_ns) / clock.NS_PER_S, 3)


def _is_delivering(status: Status) -> bool:
    return status.heartbeat is not None and status.heartbeat.frames_out > 0


def describe(starts: Starts) -> str:
    """Give the run for a person."""
    faults = starts.faults()
    rows = [
        ("first start", f"{starts.first_s:.2f} s"),
        (
            "later starts",
            f"{statistics.median(starts.starts_s):.2f} s in the median, {max(starts.starts_s):.2f} at most",
        ),
        ("stops", f"{statistics.median(starts.stops_s):.2f} s in the median, {max(starts.stops_s):.2f} at most"),
        ("parts", starts.parts),
        *(("fault", fault) for fault in faults),
    ]
    return f"{len(starts.starts_s)} starts: {'failed' if faults else 'passed'}\n{format_table(rows)}"


if __name__ == "__main__":
    sys.exit(main())
