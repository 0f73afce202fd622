"""Power cuts: whatever the disk makes of what was under way, a complete, verified release runs, and the update ends."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.memory_folder import memory_folder
from fakes.power_cut import Recorder, State, crash_states, lay_out
from fakes.updated_unit import Act, UpdatedUnit, figures, find_fault, make_release

from edgefuse.ota.deployment import Step
from edgefuse.ota.events import Measured

SHARED, OLD, NEW, NEWER = (word * 60 for word in (b"shared file ", b"old file ", b"new file ", b"newer file "))
CONTENTS = {hashlib.sha256(content).hexdigest(): content for content in (SHARED, OLD, NEW, NEWER)}
RELEASES = {
    release.id: release
    for release in (
        make_release(1, SHARED, OLD),
        make_release(2, SHARED, NEW),
        make_release(3, SHARED, OLD),
        make_release(4, NEWER),
    )
}
SLOWER: dict[Step, Act] = {"TRIAL": lambda work: Measured(work.seq, figures(30.0), figures(20.0))}


@dataclass(frozen=True)
class Scenario:
    """An update that power cuts meet."""

    release: str
    end: str
    acts: dict[Step, Act]
    before: tuple[str, ...] = ()
    """What was installed since release 1."""


SCENARIOS = {
    "a release goes live": Scenario("2", "COMMITTED", {}),
    "a slower release is rolled back": Scenario("2", "ROLLED_BACK", SLOWER),
    "the same content goes live under another number": Scenario("3", "COMMITTED", {}),
    "the oldest release makes room": Scenario("4", "COMMITTED", {}, before=("2",)),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with memory_folder(otherwise=tmp_path) as folder:
        yield folder


def prepare(folder: Path, scenario: Scenario) -> None:
    """Bring a unit to where the update begins."""
    unit = UpdatedUnit(folder, RELEASES, CONTENTS)
    unit.install_first(RELEASES["1"])
    for seq, release in enumerate(scenario.before, start=1):
        unit.wish(release, seq)


def start(folder: Path, scenario: Scenario) -> UpdatedUnit:
    """Start a unit and let it hear what the fleet wants, which it hears after each start."""
    unit = UpdatedUnit(folder, RELEASES, CONTENTS)
    unit.acts = scenario.acts
    unit.start()
    unit.wish(scenario.release, len(scenario.before) + 1)
    return unit


def record(folder: Path, scenario: Scenario, forgets: Callable[[Path], bool] = lambda _: False) -> Recorder:
    """Let the update go through and see what it does to the disk."""
    prepare(folder, scenario)
    recorder = Recorder(folder, forgets)
    with recorder.recording():
        start(folder, scenario)
    recorder.close()
    return recorder


def broken_states(states: Iterator[tuple[int, State]]) -> tuple[int, list[str]]:
    """Count states, and give those from which nothing would run."""
    faults, count = [], 0
    for count, (_, state) in enumerate(states, start=1):  # noqa: B007 - the last one is how many there are
        with memory_folder(Path(tempfile.gettempdir())) as folder:
            lay_out(state, folder)
            if fault := find_fault(UpdatedUnit(folder, RELEASES, CONTENTS).store, RELEASES):
                faults.append(fault)
    return count, faults


@pytest.mark.parametrize("name", SCENARIOS)
def test_after_any_power_cut_a_whole_release_runs_and_the_update_comes_to_its_end(folder: Path, name: str) -> None:
    scenario = SCENARIOS[name]
    recorder = record(folder / "recorded", scenario)
    for number, (_, state) in enumerate(crash_states(recorder)):
        place = folder / str(number)
        place.mkdir()
        lay_out(state, place)
        assert not find_fault(UpdatedUnit(place, RELEASES, CONTENTS).store, RELEASES)
        unit = start(place, scenario)
        assert unit.deployment.state == scenario.end
        assert not find_fault(unit.store, RELEASES)
        assert unit.current == (scenario.release if scenario.end == "COMMITTED" else "1")
