"""Let a supervised pipeline run at 30 frames a second for hours, with a fault every minute.

Faults take turns: the worker is killed, it hangs, the camera goes away, a sensor gives absurd readings, the
configuration is read again, a broken one is refused. Passes when each was reported and frames flowed again, when the
supervisor holds at most 30 MB, grows by at most 1 MB an hour and takes at most 1 % of a core, and when nothing is left
behind (else exit code 1).
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from tqdm import tqdm

from benching.command import run_bench
from benching.faults import FAULTS, PATIENCE_S, Bench, Camera, Outcome, Sensors, inflict, is_delivering
from benching.soak import MIN_FIT_S, Sample, slope_mb_per_h
from benching.supervised import Leftovers, SupervisedUnit, open_unit
from edgefuse import clock
from edgefuse.cli._unit import format_table

MAX_MB, MAX_SLOPE_MB_PER_H, MAX_CPU_SHARE = 30.0, 1.0, 0.01
FAULT_S, SAMPLE_S, SETTLING_S = 60.0, 10.0, 300.0


class SupervisorSoak(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    minutes: float
    start_s: float
    """Until frames flow."""
    outcomes: tuple[Outcome, ...]
    rss_mb: tuple[float, ...]
    """Of the supervisor, every ten seconds."""
    slope_mb_per_h: float
    cpu_share: float
    """Of one core, taken by the supervisor alone."""
    worker_mb: float
    """The most that any worker held."""
    frames_out: int
    dropped: int
    restarts: int
    before: Leftovers
    after: Leftovers

    def faults(self) -> list[str]:
        """List what is not as it must be."""
        is_long = 60 * self.minutes - SETTLING_S >= MIN_FIT_S
        checks = {
            f"the supervisor holds {max(self.rss_mb):.1f} MB": max(self.rss_mb) > MAX_MB,
            f"it grows by {self.slope_mb_per_h:.2f} MB an hour": is_long and self.slope_mb_per_h > MAX_SLOPE_MB_PER_H,
            f"it takes {self.cpu_share:.1%} of a core": self.cpu_share > MAX_CPU_SHARE,
            f"something is left: {self.after} after {self.before}": self.before != self.after,
        }
        wrong = [f"{outcome.fault}: {outcome.wrong}" for outcome in self.outcomes if outcome.wrong]
        return [*wrong, *(fault for fault, is_true in checks.items() if is_true)]


def main() -> int:
    """Measure, print, and exit with 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="tools/bench/supervisor_soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0, metavar="N", help="how long (default %(default)g)")
    parser.add_argument("--clip", default="default", help="what the camera plays; `default` is a clip of a real face")
    parser.add_argument("--no-faults", action="store_true", help="let nothing go wrong, to see what calm costs")
    _, soak = run_bench(parser, _measure, describe)
    return 1 if soak.faults() else 0


def _measure(options: argparse.Namespace) -> SupervisorSoak:
    camera = Camera(options.clip)
    try:
        with tempfile.TemporaryDirectory() as folder:
            sensors = Sensors(Path(folder))
            site: dict[str, object] = {"source": camera.address, "sink": "null", "effect": "anonymise"}
            start_ns = clock.now_ns()
            with open_unit(site, {"EDGEFUSE_SYSTEM_ROOT": folder}) as unit:
                unit.wait(is_delivering, PATIENCE_S)
                start_s = (clock.now_ns() - start_ns) / clock.NS_PER_S
                watch = Watch(unit)
                outcomes = watch.run(Bench(unit, camera, sensors, site), 60 * options.minutes, not options.no_faults)
                return watch.make_soak(options.minutes, start_s, outcomes)
    finally:
        camera.close()


class Watch:
    """Looks at a unit now and then."""

    def __init__(self, unit: SupervisedUnit) -> None:
        self._unit = unit
        self._samples: list[Sample] = []
        self._worker_mb = 0.0
        self._frames: dict[int, tuple[int, int]] = {}
        """Delivered and dropped, by worker."""
        self._before = unit.count_leftovers()
        self._start_s, self._start_cpu_s = time.monotonic(), unit.cpu_s()

    def run(self, bench: Bench, asked_s: float, has_faults: bool) -> list[Outcome]:
        """Let time pass, and faults happen."""
        outcomes: list[Outcome] = []
        names = itertools.cycle(FAULTS)
        next_s = FAULT_S
        with tqdm(total=round(asked_s), unit=" s", disable=None) as bar:
            while (at_s := time.monotonic() - self._start_s) < asked_s:
                self._sample(at_s)
                bar.update(round(at_s) - bar.n)
                if has_faults and at_s >= next_s:
                    next_s += FAULT_S
                    outcomes.append(inflict(next(names), bench))
                    tqdm.write(f"{at_s:7.0f} s  {outcomes[-1]}  {self._samples[-1].rss_mb:.2f} MB", sys.stderr)
                time.sleep(max(0.0, SAMPLE_S - (time.monotonic() - self._start_s - at_s)))
        return outcomes

    def make_soak(self, minutes: float, start_s: float, outcomes: list[Outcome]) -> SupervisorSoak:
        """Sum up."""
        elapsed_s = time.monotonic() - self._start_s
        settled = [sample for sample in self._samples if sample.at_s > min(SETTLING_S, 30 * minutes)]
        return SupervisorSoak(
            minutes=minutes,
            start_s=round(start_s, 2),
            outcomes=tuple(outcomes),
            rss_mb=tuple(sample.rss_mb for sample in self._samples),
            slope_mb_per_h=round(slope_mb_per_h(settled), 3),
            cpu_share=round((self._unit.cpu_s() - self._start_cpu_s) / elapsed_s, 5),
            worker_mb=self._worker_mb,
            frames_out=sum(out for out, _ in self._frames.values()),
            dropped=sum(dropped for _, dropped in self._frames.values()),
            restarts=self._unit.status().service.restarts,
            before=self._before,
            after=self._unit.count_leftovers(),
        )

    def _sample(self, at_s: float) -> None:
        status = self._unit.status()
        self._samples.append(Sample(round(at_s, 1), round(self._unit.rss_mb(), 3), 0.0, 0.0))
        if status.heartbeat is not None and status.service.pid is not None:
            self._worker_mb = max(self._worker_mb, status.heartbeat.rss_mb)
            self._frames[status.service.pid] = (status.heartbeat.frames_out, status.heartbeat.dropped)


def describe(soak: SupervisorSoak) -> str:
    """Give the run for a person."""
    faults = soak.faults()
    names = dict.fromkeys(outcome.fault for outcome in soak.outcomes)
    times_s = {name: [o.recovered_s for o in soak.outcomes if o.fault == name] for name in names}
    rows = [
        ("frames", f"{soak.frames_out} delivered, {soak.dropped} dropped, {soak.restarts} restarts"),
        *(
            (name, f"{len(s)} times, frames after {sum(s) / len(s):.1f} s, {max(s):.1f} at most")
            for name, s in times_s.items()
        ),
        ("supervisor", f"{soak.rss_mb[-1]:.1f} MB, {soak.slope_mb_per_h:.2f} an hour; {soak.cpu_share:.2%} of a core"),
        ("worker", f"{soak.worker_mb:.0f} MB at most"),
        ("left behind", f"{soak.after}"),
        *(("wrong", fault) for fault in faults),
    ]
    return f"{soak.minutes:g} minutes: {'failed' if faults else 'passed'}\n{format_table(rows)}"


if __name__ == "__main__":
    sys.exit(main())
