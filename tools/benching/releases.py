"""Install releases of every kind on a unit where all is real but the models: which go live, which are refused, and why?

A supervisor, its worker, install helpers and checks run as they do on a board, from a signed repository. Passes when
each release comes to the end that is expected of it, the release that is live runs, and what failed by its own fault is
on the bad list (else exit code 1).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from fakes.release_site import Site
from fakes.whole_unit import Publisher, WholeUnit, shipped_models
from tqdm import tqdm

from benching.command import run_bench
from edgefuse import paths
from edgefuse.cli._source import resolve_source
from edgefuse.cli._unit import format_table
from edgefuse.config.manifest import GoldenOutput, Manifest
from edgefuse.planning.golden import VALUES_PER_OUTPUT
from edgefuse.store.release import current_release, live_ids
from edgefuse.store.store import open_store

RUN_MS = 4.0
LATE = 150
"""Runs after which a fault shows on trial: the check has some hundred."""


@dataclass(frozen=True, slots=True)
class Case:
    """A release, and what must come of it."""

    name: str
    end: str
    is_bad: bool
    manifests: tuple[Manifest, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a release."""

    case: str
    end: str
    reason: str
    took_s: float
    faults: tuple[str, ...]
    """What is not as it must be."""


def main() -> int:
    """Install, print, and exit with 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="tools/bench/releases", description=__doc__)
    parser.add_argument("--same", type=int, default=20, metavar="N", help="times identical content (default 20)")
    _, outcomes = run_bench(parser, _measure, describe)
    return 1 if any(outcome.faults for outcome in outcomes) else 0


def _measure(options: argparse.Namespace) -> tuple[Outcome, ...]:
    shared = paths.root()
    shipped = shipped_models(current_release(open_store()), open_store())
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as name:
        folder = Path(name)
        publisher = Publisher(folder, shared)
        old = publisher.describe(run_ms=RUN_MS)
        outcomes: list[Outcome] = []
        with _unit(folder / "a", shared, publisher, old) as unit:
            outcomes += _install_all(unit, publisher, _list_cases(publisher, options.same, old))
        with _unit(folder / "b", shared, publisher, shipped, source=f"loop:{resolve_source('default')}") as unit:
            zeros = publisher.describe(fault={"is": "zeros"})
            cases = [
                Case("every output is zero", "FAILED", True, zeros),
                Case("finds nobody", "ROLLED_BACK", True, publisher.describe()),
            ]
            outcomes += _install_all(unit, publisher, cases)
        outcomes += _install_of_others(folder, shared, publisher, old)
    return tuple(outcomes)


def _list_cases(publisher: Publisher, same: int, old: tuple[Manifest, ...]) -> list[Case]:
    def flawed(**flaws: object) -> tuple[Manifest, ...]:
        return publisher.describe(**{"run_ms": RUN_MS, **flaws})

    return [
        *(Case("the same content", "COMMITTED", False, old) for _ in range(same)),
        Case("30 % slower", "ROLLED_BACK", True, flawed(run_ms=1.3 * RUN_MS)),
        Case("crashes in the check", "FAILED", True, flawed(fault={"is": "crash", "after_runs": 20})),
        Case("crashes on trial", "ROLLED_BACK", True, flawed(fault={"is": "crash", "after_runs": LATE})),
        Case("hangs on trial", "ROLLED_BACK", True, flawed(fault={"is": "hang", "after_runs": LATE})),
        Case("eats memory", "ROLLED_BACK", True, flawed(growth_kb=200)),
        Case("wrong golden outputs", "FAILED", True, _promise(flawed(run_ms=RUN_MS + 0.1))),
        Case("as fast as before", "COMMITTED", False, flawed(run_ms=RUN_MS + 0.01)),
    ]


def _promise(manifests: tuple[Manifest, ...]) -> tuple[Manifest, ...]:
    """Give models that promise what they do not keep."""
    golden = {"logits": GoldenOutput(values=(1.0,) * VALUES_PER_OUTPUT, tolerance=0.1)}
    detector, *others = manifests
    variants = tuple(msgspec.structs.replace(variant, golden=golden) for variant in detector.variants)
    return msgspec.structs.replace(detector, variants=variants), *others


@contextmanager
def _unit(
    root: Path,
    shared: Path,
    publisher: Publisher,
    first: tuple[Manifest, ...],
    *,
    source: str = "pattern:160x120@30",
    anchor: Path | None = None,
) -> Iterator[WholeUnit]:
    root.mkdir()
    os.environ["EDGEFUSE_ROOT"] = str(root)
    unit = WholeUnit(root, shared, publisher, first, source=source, anchor=anchor or publisher.site.anchor)
    try:
        unit.running.wait_for_frames()
        yield unit
    finally:
        unit.close()
        os.environ["EDGEFUSE_ROOT"] = str(shared)


def _install_all(unit: WholeUnit, publisher: Publisher, cases: list[Case]) -> list[Outcome]:
    return [_install(unit, publisher, case) for case in tqdm(cases, unit=" release", disable=None)]


def _install(unit: WholeUnit, publisher: Publisher, case: Case) -> Outcome:
    """Publish a release, wish for it, and see what comes of it."""
    before = live_ids(unit.store)[0]
    release = publisher.publish(f"{unit.root.name}{unit.wished}", case.manifests)
    begun_s = time.monotonic()
    deployment = unit.install(release.id, patience_s=900.0)
    took_s = time.monotonic() - begun_s
    live = release.id if deployment.state == "COMMITTED" else before
    unit.running.wait(lambda s: s.service.state == "RUNNING" and s.release == live)
    checks = {
        f"expected {case.end}": deployment.state != case.end,
        f"{live} is not live": live_ids(unit.store)[0] != live,
        "the bad list is wrong": (release.id in [bad.release for bad in unit.history().bad]) != case.is_bad,
    }
    faults = tuple(fault for fault, is_true in checks.items() if is_true)
    return Outcome(case=case.name, end=deployment.state, reason=deployment.reason, took_s=took_s, faults=faults)


def _install_of_others(folder: Path, shared: Path, publisher: Publisher, old: tuple[Manifest, ...]) -> list[Outcome]:
    """Let a unit that trusts another site be offered a release of this one."""
    other = Site(folder / "other")
    other.start()
    case = Case("signed by a wrong key", "REJECTED", False, publisher.describe(run_ms=RUN_MS + 0.5))
    with _unit(folder / "c", shared, publisher, old, anchor=other.anchor) as unit:
        return _install_all(unit, publisher, [case])


def describe(outcomes: tuple[Outcome, ...]) -> str:
    """Give a table, equal rows once."""
    rows: dict[tuple[str, str, str, str], list[float]] = {}
    for outcome in outcomes:
        key = (outcome.case, outcome.end, outcome.reason, "; ".join(outcome.faults))
        rows.setdefault(key, []).append(outcome.took_s)
    table = [("release", "times", "end", "took at most s", "reason", "faults")]
    table += [
        (case, str(len(took)), end, f"{max(took):.0f}", reason, faults)
        for (case, end, reason, faults), took in rows.items()
    ]
    return format_table(table)


if __name__ == "__main__":
    raise SystemExit(main())
