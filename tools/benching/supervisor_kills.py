"""Kill the worker with SIGKILL again and again: how long until frames flow, and is anything left behind?

Passes when frames flow again within 5 s every time and within 2 s in the median, and when there are as many processes,
descriptors, sockets and shared memory files as before, and no zombie (else exit code 1). Times are until the supervisor
knows of frames, which is up to half a second, a heartbeat, after the first of them.
"""

from __future__ import annotations

import argparse
import math
import random
import signal
import statistics
import sys
import time
from collections.abc import Sequence

import msgspec
from tqdm import tqdm

from benching.command import run_bench
from benching.supervised import Leftovers, SupervisedUnit, open_unit
from edgefuse.cli._source import resolve_source
from edgefuse.cli._unit import format_table
from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import Status

MEDIAN_S, LONGEST_S = 2.0, 5.0
PATIENCE_S = 60.0


class Kills(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    kills: int
    every_s: float
    start_s: float
    """From the start of the process to frames that are known of."""
    recoveries_s: tuple[float, ...]
    before: Leftovers
    after: Leftovers
    restarts: int
    crashes: int
    """Events in the supervisor's ring that tell of a kill."""
    end: str
    """Why it ended before the last kill; empty where it did not."""

    def faults(self) -> list[str]:
        """List what is not as it must be."""
        median_s, longest_s = _sum_up(self.recoveries_s)
        checks = {
            f"frames flow again after {median_s:.2f} s in the median": median_s > MEDIAN_S,
            f"once, frames flowed again only after {longest_s:.2f} s": longest_s > LONGEST_S,
            f"it ended after kill {self.kills}: {self.end}": self.end != "",
            f"{self.after.zombies} zombies": self.after.zombies > 0,
            f"something is left: {self.after} after {self.before}": self.before != self.after,
            f"{self.restarts} restarts were reported": self.restarts != self.kills,
        }
        return [fault for fault, is_true in checks.items() if is_true]


def main() -> int:
    """Measure, print, and exit with 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="tools/bench/supervisor_kills", description=__doc__)
    parser.add_argument("--count", type=int, default=200, metavar="N", help="kills (default %(default)d)")
    parser.add_argument("--every", type=float, default=10.0, metavar="S", help="seconds between (default %(default)g)")
    parser.add_argument("--source", help="as in the site configuration; without it a clip of a real face, looped")
    parser.add_argument("--effect", default="anonymise", choices=("fuse_mesh", "anonymise", "none"))
    parser.add_argument("--seed", type=int, default=0, help="of the random moments (default %(default)d)")
    _, kills = run_bench(parser, _measure, describe)
    return 1 if kills.faults() else 0


def _measure(options: argparse.Namespace) -> Kills:
    moments = random.Random(options.seed)
    source = options.source or f"loop:{resolve_source('default')}"
    site = {"source": source, "sink": "null", "effect": options.effect}
    start_s = time.monotonic()
    with open_unit(site) as unit, tqdm(total=options.count, unit=" kill", disable=None) as bar:
        unit.wait(_is_delivering, PATIENCE_S)
        start_s = time.monotonic() - start_s
        before = unit.count_leftovers()
        recoveries_s: list[float] = []
        end = ""
        while len(recoveries_s) < options.count and not end:
            time.sleep(options.every + moments.random())
            try:
                recoveries_s.append(_kill(unit))
            except EdgefuseError as e:
                end = str(e)
            bar.update()
            bar.set_postfix_str(f"{recoveries_s[-1]:.2f} s" if recoveries_s else end)
        time.sleep(1)
        status = unit.status()
        return Kills(
            kills=len(recoveries_s) + bool(end),
            every_s=options.every,
            start_s=round(start_s, 3),
            recoveries_s=tuple(recoveries_s),
            before=before,
            after=unit.count_leftovers(),
            restarts=status.service.restarts,
            crashes=sum(event.kind == "worker_crashed" for event in status.events),
            end=end,
        )


def _kill(unit: SupervisedUnit) -> float:
    """Kill the worker, and give the seconds until another delivers."""
    pid = unit.kill_worker(signal.SIGKILL)
    _, elapsed_s = unit.wait(lambda s: s.service.pid not in (None, pid) and _is_delivering(s), PATIENCE_S)
    return round(elapsed_s, 3)


def _is_delivering(status: Status) -> bool:
    return status.heartbeat is not None and status.heartbeat.frames_out > 0


def _sum_up(recoveries_s: Sequence[float]) -> tuple[float, float]:
    """Give the median and the longest; without any both are endless."""
    return (statistics.median(recoveries_s), max(recoveries_s)) if recoveries_s else (math.inf, math.inf)


def describe(kills: Kills) -> str:
    """Give the run for a person."""
    (median_s, longest_s), faults = _sum_up(kills.recoveries_s), kills.faults()
    rows = [
        ("start", f"{kills.start_s:.2f} s"),
        ("frames flow again", f"{median_s:.2f} s in the median, {longest_s:.2f} s at most"),
        ("before", str(kills.before)),
        ("after", str(kills.after)),
        *(("fault", fault) for fault in faults),
    ]
    return f"{kills.kills} kills: {'failed' if faults else 'passed'}\n{format_table(rows)}"


if __name__ == "__main__":
    sys.exit(main())
