"""Kill supervisor, worker and install helper at every step of an update, with kill -9: does it come to its end?

The supervisor, its install helpers and its checks are real, the worker is acted. Each process is killed as soon as the
journal has each of its states, and a while later. Passes when a complete, verified release is live after each kill and
at the end, each update comes to the end that it comes to without a kill, and that is told (else exit code 1).
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec
from fakes.helped_unit import HelpedUnit
from fakes.release_site import Site
from fakes.updated_unit import find_fault
from fakes.updating_unit import UpdatingUnit, publish_all
from tqdm import tqdm

from benching.command import run_bench
from edgefuse.cli._unit import format_table
from edgefuse.ota.deployment import Deployment, InstallState
from edgefuse.store.release import Release, decode_release

Who = Literal["supervisor", "worker", "helper"]
ENDS: Mapping[str, str] = {"good": "COMMITTED", "same": "COMMITTED", "slow": "ROLLED_BACK", "wrong": "FAILED"}
LATER_S = (0.0, 0.1, 0.4)
"""After the journal was written: a step's work begins, is under way, is done."""
PATIENCE_S = 180.0
LOOK_S = 0.002


@dataclass(frozen=True, slots=True)
class Moment:
    """When which process is killed."""

    release: str
    who: Who
    seq: int
    """Of the journal."""
    later_s: float


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """One kill, and what came of the update."""

    release: str
    who: Who
    step: str
    """At which it was killed."""
    later_s: float
    end: str
    faults: tuple[str, ...]
    """What is not as it must be."""


def main() -> int:
    """Kill, print, and exit with 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="tools/bench/update_kills", description=__doc__)
    parser.add_argument("--release", choices=ENDS, action="append", help="only of this kind (default: all)")
    parser.add_argument("--who", choices=get_args(Who), action="append", help="only this process (default: all)")
    _, kills = run_bench(parser, _measure, describe)
    return 1 if any(kill.faults for kill in kills) else 0


def _measure(options: argparse.Namespace) -> tuple[Kill, ...]:
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as name:
        folder = Path(name)
        site = Site(folder / "site")
        site.start()
        publish_all(HelpedUnit(folder / "root", site))
        kills: list[Kill] = []
        for release in options.release or ENDS:
            states = _count_states(folder, site, release)
            plan = list(itertools.product(options.who or get_args(Who), range(1, states), LATER_S))
            for who, seq, later_s in tqdm(plan, desc=release, unit=" kill", disable=None):
                kills += _kill(folder, site, Moment(release, who, seq, later_s))
    return tuple(kills)


def _count_states(folder: Path, site: Site, release: str) -> int:
    """Count the states of an update that nobody disturbs."""
    with _Unit(folder, site) as unit:
        unit.install(release, PATIENCE_S)
        return _read(unit.root).seq


class _Unit(UpdatingUnit):
    """One for a moment, with a root of its own."""

    def __init__(self, folder: Path, site: Site) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="u", dir=folder)
        os.environ["EDGEFUSE_ROOT"] = self._folder.name
        super().__init__(Path(self._folder.name), site)

    def __enter__(self) -> _Unit:
        self.running.wait_for_frames()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._folder.cleanup()


def _kill(folder: Path, site: Site, moment: Moment) -> Iterable[Kill]:
    """Kill a process at one state; nothing is given where it did not run then."""
    with _Unit(folder, site) as unit:
        unit.wish(moment.release)
        step = _await_state(unit.root, moment.seq)
        time.sleep(moment.later_s)
        if unit.find(moment.who) is None:
            return
        unit.kill(moment.who)
        known = _load_published(site, unit)
        faults = [find_fault(unit.root / "var/lib/edgefuse", known)]
        try:
            deployment = unit.finish(PATIENCE_S)
        except AssertionError:
            deployment = Deployment(id="", release=moment.release)
            faults.append("it came to no end")
        faults.append(find_fault(unit.root / "var/lib/edgefuse", known))
        expected = ENDS[moment.release]
        faults.append("" if deployment.state == expected else f"expected {expected}: {deployment.reason}")
        yield Kill(
            release=moment.release,
            who=moment.who,
            step=step,
            later_s=moment.later_s,
            end=deployment.state,
            faults=tuple(fault for fault in faults if fault),
        )


def _await_state(root: Path, seq: int) -> str:
    """Wait until the journal has a state, and give its step."""
    end_s = time.monotonic() + PATIENCE_S
    while (state := _read(root)).seq < seq:
        assert time.monotonic() < end_s, f"the journal came to state {state.seq} only"
        time.sleep(LOOK_S)
    assert state.deployment is not None
    return state.deployment.step


def _read(root: Path) -> InstallState:
    path = root / "var/lib/edgefuse/deployment.json"
    return msgspec.json.decode(path.read_bytes(), type=InstallState) if path.exists() else InstallState()


def _load_published(site: Site, unit: UpdatingUnit) -> dict[str, Release]:
    places = [*(site.published / "targets/releases").glob("*.json"), *(unit.store.root / "releases").glob("first.json")]
    releases = (decode_release(path.read_bytes(), str(path)) for path in places)
    return {release.id: release for release in releases}


def describe(kills: tuple[Kill, ...]) -> str:
    """Give a row for each process and step."""
    table = [("release", "killed", "step", "kills", "as without", "faults")]
    groups: dict[tuple[str, str, str], list[Kill]] = {}
    for kill in kills:
        groups.setdefault((kill.release, kill.who, kill.step), []).append(kill)
    for (release, who, step), group in groups.items():
        faults = "; ".join(sorted({fault for kill in group for fault in kill.faults}))
        table.append((release, who, step, str(len(group)), str(sum(not kill.faults for kill in group)), faults))
    return format_table(table)


if __name__ == "__main__":
    raise SystemExit(main())
