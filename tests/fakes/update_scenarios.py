"""Updates that power cuts meet, and what must hold after each."""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from fakes.memory_folder import memory_folder
from fakes.power_cut import Recorder, State, lay_out
from fakes.updated_unit import Act, UpdatedUnit, figures, find_fault, make_release

from edgefuse.factory.delta import encode
from edgefuse.factory.matching import Content, Match
from edgefuse.ota import staging
from edgefuse.ota.deployment import Step
from edgefuse.ota.events import Failed, Measured
from edgefuse.store.release import save_release
from edgefuse.store.store import Store

SHARED, NEW, MORE, NEWER = (word * 300 for word in (b"shared ", b"new ", b"more ", b"newer "))
OLD, OTHER = (random.Random(seed).randbytes(1200) for seed in range(2))
TRAINED, RETRAINED = OLD[:900] + NEW, OTHER[:900] + MORE
CONTENTS = {
    hashlib.sha256(content).hexdigest(): content for content in (SHARED, OLD, NEW, MORE, NEWER, TRAINED, RETRAINED)
}
DELTAS = {
    (hashlib.sha256(target).hexdigest(), hashlib.sha256(OLD).hexdigest()): encode(
        Content(base), Content(target), [Match(0, 900, 0)]
    )
    for target, base in ((TRAINED, OLD), (RETRAINED, OTHER))
}
"""From what release 1 has; the second leads elsewhere, as it was made from another file."""
RELEASES = {
    release.id: release
    for release in (
        make_release(1, SHARED, OLD),
        make_release(2, SHARED, NEW, MORE),
        make_release(3, SHARED, OLD),
        make_release(4, NEWER),
        make_release(5, SHARED, TRAINED, NEW),
        make_release(6, SHARED, RETRAINED, NEW),
    )
}


@dataclass(frozen=True)
class Scenario:
    """An update."""

    release: str
    end: str
    acts: Mapping[Step, Act] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    """What was installed since release 1."""


SCENARIOS: Mapping[str, Scenario] = {
    "a release goes live": Scenario("2", "COMMITTED"),
    "a slower release is rolled back": Scenario(
        "2", "ROLLED_BACK", {"TRIAL": lambda work: Measured(work.seq, figures(30.0), figures(20.0))}
    ),
    "a release fails its check": Scenario(
        "2", "FAILED", {"SELFTEST": lambda work: Failed(work.seq, "golden outputs differ", "bad")}
    ),
    "the same content goes live under another number": Scenario("3", "COMMITTED"),
    "a file is rebuilt from a delta": Scenario("5", "COMMITTED"),
    "a delta leads elsewhere": Scenario("6", "COMMITTED"),
    "the oldest release makes room": Scenario("4", "COMMITTED", before=("2",)),
}
PLANTS: Mapping[str, Callable[[Path], bool]] = {
    "of the blob": lambda path: path.name == "incoming" or path.suffix == ".part",
    "of the blob's folder": lambda path: path.parent.name == "sha256",
    "of the description's folder": lambda path: path.name == "releases",
    "of the pointer": lambda path: path.name == ".current.new",
}
"""Syncs that are left out, to see that the model finds it."""
CARELESS: Mapping[str, Callable[[], AbstractContextManager[object]]] = {
    "of files that were there already": lambda: mock.patch.object(Store, "sync"),
    "of a description that was there already": lambda: mock.patch.object(
        staging, "_stage", lambda store: save_release(store, staging.load_offer(store))
    ),
}
"""Such that matter only after a kill, which leaves what is there and not on the disk for good."""


def prepare(folder: Path, scenario: Scenario) -> None:
    """Bring a unit to where the update begins."""
    unit = UpdatedUnit(folder, RELEASES, CONTENTS, DELTAS)
    unit.install_first(RELEASES["1"])
    for seq, release in enumerate(scenario.before, start=1):
        unit.wish(release, seq)


def start(folder: Path, scenario: Scenario, say: Callable[[int], None] = lambda _: None) -> UpdatedUnit:
    """Start a unit and let it hear what the fleet wants, which it hears after each start."""
    unit = UpdatedUnit(folder, RELEASES, CONTENTS, DELTAS)
    unit.acts, unit.say = scenario.acts, say
    unit.start()
    unit.wish(scenario.release, len(scenario.before) + 1)
    return unit


def record(
    folder: Path,
    scenario: Scenario,
    forgets: Callable[[Path], bool] = lambda _: False,
    kill_at: int | None = None,
) -> Recorder:
    """See what an update does to the disk.

    Args:
        folder: Is empty.
        scenario: The update.
        forgets: See ``Recorder``.
        kill_at: After so many operations the process is killed, and a new one goes on.
    """
    prepare(folder, scenario)
    recorder = Recorder(folder, forgets)
    recorder.kill_at = kill_at
    with recorder.recording():
        start(folder, scenario, recorder.say)
    if kill_at is not None:
        with recorder.recording():
            start(folder, scenario, recorder.say)
    recorder.close()
    return recorder


def record_recovery(folder: Path, scenario: Scenario) -> Recorder:
    """See what a unit does to the disk that a power cut has left in ``folder``."""
    recorder = Recorder(folder)
    with recorder.recording():
        start(folder, scenario, recorder.say)
    recorder.close()
    return recorder


@contextmanager
def laid_out(state: State) -> Iterator[Path]:
    """Give a folder that holds what a power cut left."""
    with memory_folder(Path(tempfile.gettempdir())) as folder:
        lay_out(state, folder)
        yield folder


def count_broken(states: Iterable[tuple[int, State]]) -> tuple[int, int]:
    """Count states, and those from which nothing complete and verified would run."""
    count, broken = 0, 0
    for _, state in states:
        with laid_out(state) as folder:
            count += 1
            broken += find_fault(folder, RELEASES) != ""
    return count, broken


def find_failing(said: int, state: State, scenario: Scenario) -> str:
    """Say what does not hold after a power cut; empty where all does."""
    with laid_out(state) as folder:
        if fault := find_fault(folder, RELEASES):
            return f"nothing runs: {fault}"
        if UpdatedUnit(folder, RELEASES, CONTENTS, DELTAS).journal.state.seq < said:
            return f"it has forgotten that it said something with number {said}"
        unit = start(folder, scenario)
        if unit.deployment.state != scenario.end:
            return f"it came to {unit.deployment.state}: {unit.deployment.reason}"
        if unit.current != (scenario.release if scenario.end == "COMMITTED" else "1"):
            return f"release {unit.current} runs"
        return find_fault(folder, RELEASES)
