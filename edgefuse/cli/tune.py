"""``edgefuse tune``: measure on this unit what the planner otherwise only expects."""

from __future__ import annotations

import argparse
import sys

import msgspec
from tqdm import tqdm

from edgefuse.cli._unit import format_table, probe_unit
from edgefuse.command import INTERRUPTED, Command
from edgefuse.errors import StoreError
from edgefuse.planning.trial import Trial
from edgefuse.planning.tune import Tuning, list_tunings, tune
from edgefuse.store.release import current_release
from edgefuse.store.state import Setup, state_path
from edgefuse.store.store import open_store


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement as ``--json`` prints it."""

    model: str
    variant: str
    setup: Setup
    trial: Trial


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", metavar="ID", help="take this profile in place of the one that matches this unit")
    parser.add_argument("--quick", action="store_true", help="less time each, and one number of threads")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(options: argparse.Namespace) -> int:
    store = open_store()
    release = current_release(store)
    profile, host = probe_unit(options.profile)
    tunings = list_tunings(profile, release, host, store, is_quick=options.quick)
    if not tunings:
        raise StoreError("cannot measure: the store has no model that runs here (edgefuse models fetch, edgefuse plan)")
    results: list[tuple[Tuning, Trial]] = []
    code = 0
    try:
        with tqdm(total=len(tunings), unit="setup", disable=None, leave=False) as bar:
            for result in tune(tunings, store, state_path(), profile.worker_python, is_quick=options.quick):
                results.append(result)
                bar.update()
                bar.set_postfix_str(f"{result[0].candidate.manifest.id} {result[0].candidate.place}")
    except KeyboardInterrupt:
        code = INTERRUPTED
        print(f"interrupted: {len(results)} of {len(tunings)} were measured and kept", file=sys.stderr)
    print(_to_json(results) if options.json else _describe(results))
    return code


def _to_json(results: list[tuple[Tuning, Trial]]) -> str:
    rows = [
        Row(
            model=tuning.candidate.manifest.id,
            variant=tuning.candidate.variant.id,
            setup=tuning.setup,
            trial=trial,
        )
        for tuning, trial in results
    ]
    return msgspec.json.format(msgspec.json.encode(rows), indent=1).decode()


def _describe(results: list[tuple[Tuning, Trial]]) -> str:
    rows = [("model", "variant", "runs on", "threads", "p50 ms", "p95 ms", "MB", "")]
    for tuning, trial in results:
        candidate, setup = tuning.candidate, tuning.setup
        names = (candidate.manifest.id, candidate.variant.id, f"{setup.runtime} {setup.target}", str(setup.threads))
        figures = ("", "", "") if trial.failure else _figures(trial)
        rows.append((*names, *figures, trial.failure))
    return format_table(rows) + "\n\n`edgefuse plan` uses these figures from now on"


def _figures(trial: Trial) -> tuple[str, str, str]:
    return f"{trial.p50_ms:.2f}", f"{trial.p95_ms:.2f}", str(trial.memory_mb)


PLUGIN = Command(
    help="measure every variant on every runtime of this unit, and plan by it from now on",
    example="edgefuse tune --quick",
    add_arguments=_add_arguments,
    run=_run,
)
