"""Prove the governor over simulated boards and weather: delivered quality against three others, without a board.

Boards as fitted and units that differ from them by up to a fifth in everything, for three hours each in five kinds of
weather. Compared are: no control (the kernel slows the board down), thresholds with hysteresis tuned by grid search for
each kind of board, the governor, and the optimum of dynamic programming with perfect foresight. Quality is frames a
second × pixels along a side of the effect, share of the best; a change of point costs a minute of the best; what is
delivered above the trip, but for the coolest point, does not count. Passes (else exit code 1) when the governor is
never above the trip at another point, delivers 95 % of the optimum, and in steady surroundings changes no more than six
times an hour.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import msgspec
from tqdm import tqdm

from benching.command import run_bench
from benching.governor_cases import STEADY, Case, make_cases
from benching.governor_optimum import Optimum
from benching.governor_play import Control, Ours, Score, Threshold, Tuning, judge, leave_alone, play
from edgefuse.cli._unit import format_table
from edgefuse.thermal.plant import BOARDS

LEAST_SHARE = 0.95
MOST_CHANGES = 6
_GRID: tuple[Tuning, ...] = tuple(product((0.5, 1.0, 2.0), (2.0, 4.0, 7.0, 10.0), (30.0, 180.0)))


class Outcome(msgspec.Struct, frozen=True):
    """All controls on one case."""

    board: str
    weather: str
    unit: int
    ours: Score
    optimum: Score
    threshold: Score
    alone: Score


class Proof(msgspec.Struct, frozen=True):
    """All cases."""

    outcomes: tuple[Outcome, ...]
    tuned: dict[str, Tuning]

    @property
    def has_passed(self) -> bool:
        """All that is asked of the governor."""
        share = ratio(self.outcomes, "optimum")
        steady = [outcome.ours.busiest_hour for outcome in self.outcomes if outcome.weather in STEADY]
        above_s = sum(outcome.ours.above_s for outcome in self.outcomes)
        return share >= LEAST_SHARE and max(steady) <= MOST_CHANGES and above_s == 0


@dataclass(frozen=True, slots=True)
class Task:
    """A case for a worker process."""

    case: Case
    tuning: Tuning


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/governor", description=__doc__)
    parser.add_argument("--units", type=int, default=3, metavar="N", help="unseen units a case (default %(default)s)")
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help="draw temperature, point and quality over time")
    options, proof = run_bench(parser, lambda options: measure(options.units), describe)
    if options.plot:
        from benching.governor_plot import draw_weathers

        draw_weathers(list(make_cases(0)), proof.tuned, options.plot)
    return 0 if proof.has_passed else 1


def measure(units: int) -> Proof:
    """Tune the thresholds on the boards as fitted, then play everything on everything."""
    cases = list(make_cases(units))
    with ProcessPoolExecutor() as pool:
        tuned = _tune([case for case in cases if not case.unit], pool)
        tasks = [Task(case, tuned[case.board.profile_id]) for case in cases]
        outcomes = tuple(tqdm(pool.map(_compare, tasks), "comparing", len(tasks), disable=None))
    return Proof(outcomes, tuned)


def _tune(cases: Sequence[Case], pool: ProcessPoolExecutor) -> dict[str, Tuning]:
    """Give for each kind of board the thresholds that deliver most on it."""
    tasks = [Task(case, tuning) for case in cases for tuning in _GRID]
    played = tqdm(pool.map(_try, tasks, chunksize=8), "tuning thresholds", len(tasks), disable=None)
    sums = {board.profile_id: dict.fromkeys(_GRID, 0.0) for board in BOARDS}
    for task, quality in zip(tasks, played, strict=True):
        sums[task.case.profile.id][task.tuning] += quality
    return {name: max(delivered, key=delivered.__getitem__) for name, delivered in sums.items()}


def _try(task: Task) -> float:
    return judge(task.case, play(task.case, Threshold.of(task.case, task.tuning))).quality


def _compare(task: Task) -> Outcome:
    case = task.case
    controls: tuple[Control, ...] = (
        Ours(case.profile),
        Optimum(case),
        Threshold.of(case, task.tuning),
        leave_alone,
    )
    return Outcome(
        case.board.profile_id, case.weather, case.unit, *(judge(case, play(case, control)) for control in controls)
    )


def ratio(outcomes: Iterable[Outcome], other: str) -> float:
    """Give what the governor delivered, divided by what another control did."""
    rows = list(outcomes)
    return sum(row.ours.quality for row in rows) / sum(getattr(row, other).quality for row in rows)


def describe(proof: Proof) -> str:
    """Give the proof for a person."""
    header = ("board", "weather", "optimum", "ours", "share", "threshold", "alone", "changes", "above", "hottest")
    fitted = [header, *(_row(outcome) for outcome in proof.outcomes if not outcome.unit)]
    unseen = [outcome for outcome in proof.outcomes if outcome.unit]
    lines = [format_table(fitted), "", *_summarise("as fitted", [o for o in proof.outcomes if not o.unit])]
    if unseen:
        lines += _summarise(f"{len(unseen)} unseen units", unseen)
        lines += _summarise("all", proof.outcomes)
    lines += [
        f"thresholds of {name}: {t[0]:g} K below the trip, {t[1]:g} K wide, dwell {t[2]:g} s"
        for name, t in proof.tuned.items()
    ]
    return "\n".join([*lines, "passed" if proof.has_passed else "failed"])


def _row(outcome: Outcome) -> tuple[str, ...]:
    ours = outcome.ours
    return (
        outcome.board,
        outcome.weather,
        *(f"{quality:.3f}" for quality in (outcome.optimum.quality, ours.quality)),
        f"{ours.quality / outcome.optimum.quality:.0%}",
        *(f"{score.quality:.3f}" for score in (outcome.threshold, outcome.alone)),
        str(ours.changes),
        f"{ours.above_s} s",
        f"{ours.hottest_c:.1f} C",
    )


def _summarise(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    shares = sorted(o.ours.quality / o.optimum.quality for o in outcomes)
    steady = max(o.ours.busiest_hour for o in outcomes if o.weather in STEADY)
    anyhow = sum(o.ours.quality_anyhow for o in outcomes) / sum(o.alone.quality_anyhow for o in outcomes)
    return [
        f"{name}: {ratio(outcomes, 'optimum'):.1%} of the optimum "
        f"(a case: mean {sum(shares) / len(shares):.1%}, median {shares[len(shares) // 2]:.1%}, least {shares[0]:.0%})",
        f"  {ratio(outcomes, 'threshold'):.2f} × threshold, {ratio(outcomes, 'alone'):.2f} × alone within the trip, "
        f"{anyhow:.2f} × alone at any temperature",
        f"  above the trip not at the coolest point: ours {sum(o.ours.above_s for o in outcomes)} s, threshold "
        f"{sum(o.threshold.above_s for o in outcomes)} s, alone {sum(o.alone.above_s for o in outcomes)} s; "
        f"most changes an hour in steady surroundings: {steady}",
    ]


if __name__ == "__main__":
    sys.exit(main())
