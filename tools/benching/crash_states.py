"""Cut the power at every write of an update, in every way that a disk may take it; after a kill or another cut, too.

Each state that the disk may be left in is laid out, and the unit started on it. Passes when from every one of them a
complete, verified release runs, the update comes to its end, and nothing that was said is forgotten (else exit code 1).
Then syncs are left out one by one, to see that this is found. What is counted are distinct states.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
from fakes.memory_folder import memory_folder
from fakes.power_cut import State, crash_states
from fakes.update_scenarios import (
    CARELESS,
    PLANTS,
    SCENARIOS,
    Scenario,
    count_broken,
    find_failing,
    laid_out,
    record,
    record_recovery,
)
from tqdm import tqdm

from benching.command import run_bench


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one scenario, or of one sync that was left out."""

    name: str
    operations: int
    states: int
    failing: int


class CrashStates(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    cuts: tuple[Counted, ...]
    kills_and_cuts: tuple[Counted, ...]
    two_cuts: tuple[Counted, ...]
    plants: tuple[Counted, ...]
    careless: tuple[Counted, ...]

    @property
    def has_passed(self) -> bool:
        """All is survived, and everything that was left out is found."""
        survived = all(counted.failing == 0 for counted in (*self.cuts, *self.kills_and_cuts, *self.two_cuts))
        return survived and all(counted.failing for counted in (*self.plants, *self.careless))


def measure(_: argparse.Namespace) -> CrashStates:
    """Do it."""
    return CrashStates(
        cuts=tuple(_cut(name, scenario) for name, scenario in SCENARIOS.items()),
        kills_and_cuts=tuple(_kill_and_cut(name, scenario) for name, scenario in SCENARIOS.items()),
        two_cuts=(_cut_twice("a release goes live"),),
        plants=tuple(_plant(name) for name in PLANTS),
        careless=tuple(_neglect(name) for name in CARELESS),
    )


def _cut(name: str, scenario: Scenario) -> Counted:
    operations, states = _record(scenario)
    failing = sum(find_failing(*state, scenario) != "" for state in tqdm(states, name, leave=False))
    return Counted(name=name, operations=operations, states=len(states), failing=failing)


def _kill_and_cut(name: str, scenario: Scenario) -> Counted:
    operations, _ = _record(scenario)
    seen: set[tuple[int, State]] = set()
    failing = 0
    for kill_at in tqdm(range(operations), f"{name}, after a kill", leave=False):
        _, states = _record(scenario, kill_at)
        failing += sum(find_failing(*state, scenario) != "" for state in set(states) - seen)
        seen |= set(states)
    return Counted(name=name, operations=operations, states=len(seen), failing=failing)


def _cut_twice(name: str) -> Counted:
    scenario = SCENARIOS[name]
    operations, firsts = _record(scenario)
    seen: set[tuple[int, State]] = set()
    failing = 0
    for _, first in tqdm(firsts, f"{name}, after another cut", leave=False):
        with laid_out(first) as folder:
            states = set(crash_states(record_recovery(folder, scenario)))
        failing += sum(find_failing(*state, scenario) != "" for state in states - seen)
        seen |= states
    return Counted(name=name, operations=operations, states=len(seen), failing=failing)


def _plant(name: str) -> Counted:
    with _folder() as folder:
        recorder = record(folder, SCENARIOS["a release goes live"], PLANTS[name])
        states, broken = count_broken(crash_states(recorder))
        return Counted(name=name, operations=len(recorder.operations), states=states, failing=broken)


def _neglect(name: str) -> Counted:
    with CARELESS[name]():
        return msgspec.structs.replace(_kill_and_cut(name, SCENARIOS["a release goes live"]), name=name)


def _record(scenario: Scenario, kill_at: int | None = None) -> tuple[int, list[tuple[int, State]]]:
    with _folder() as folder:
        recorder = record(folder, scenario, kill_at=kill_at)
        return len(recorder.operations), list(crash_states(recorder))


def _folder() -> AbstractContextManager[Path]:
    return memory_folder(Path(tempfile.gettempdir()))


def describe(figures: CrashStates) -> str:
    """Say it."""
    lines = ["power cuts"]
    lines += [f"  {c.name}: {c.failing} of {c.states} states fail, {c.operations} operations" for c in figures.cuts]
    lines += ["a kill at every operation, and a power cut at every one after it"]
    lines += [f"  {c.name}: {c.failing} of {c.states} states fail" for c in figures.kills_and_cuts]
    lines += ["a power cut at every operation, and another at every one after it"]
    lines += [f"  {c.name}: {c.failing} of {c.states} states fail" for c in figures.two_cuts]
    lines += ["without the sync"]
    lines += [f"  {c.name}: from {c.failing} of {c.states} states nothing would run" for c in figures.plants]
    lines += ["without the sync, after a kill"]
    lines += [f"  {c.name}: {c.failing} of {c.states} states fail" for c in figures.careless]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tools/bench/crash_states", description=__doc__)
    sys.exit(0 if run_bench(parser, measure, describe)[1].has_passed else 1)
