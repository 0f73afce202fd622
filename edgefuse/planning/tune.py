"""Measuring on this unit: every variant that could run, on every runtime, with different numbers of threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgefuse.config.host import Host
from edgefuse.config.profile import Profile, RuntimeRule
from edgefuse.planning.candidate import Candidate, default_threads, list_candidates
from edgefuse.planning.obstacle import find_obstacle
from edgefuse.planning.tasks import REQUIRED_TASKS
from edgefuse.planning.trial import Trial, record_trial, run_trial
from edgefuse.store.release import Release
from edgefuse.store.state import Setup, State
from edgefuse.store.store import Store

DURATION_S = 1.5
QUICK_DURATION_S = 0.3


@dataclass(frozen=True, slots=True)
class Tuning:
    """One candidate with one number of threads."""

    candidate: Candidate
    setup: Setup


def list_tunings(profile: Profile, release: Release, host: Host, store: Store, *, is_quick: bool) -> list[Tuning]:
    """List what there is to measure, the most important first, because people interrupt.

    What failed its golden check before is tried again; what is not in the store is left out.

    Args:
        is_quick: Only with the number of threads that a plan would take unmeasured.
    """
    fresh = State()
    able = [
        candidate
        for candidate in list_candidates(profile, release, host, fresh)
        if store.has_variant(candidate.variant) and not find_obstacle(candidate, host, fresh, absent={})
    ]
    able.sort(key=lambda c: (c.manifest.task not in REQUIRED_TASKS, c.manifest.is_optional, c.rule_index))
    return [
        Tuning(candidate, msgspec.structs.replace(candidate.setup, threads=threads))
        for candidate in able
        for threads in ((candidate.setup.threads,) if is_quick else threads_to_try(candidate.rule, host))
    ]


def threads_to_try(rule: RuntimeRule, host: Host) -> tuple[int, ...]:
    """List 1, 2, 4 … and all cores; one number is enough where an accelerator does the work."""
    if rule.target != "cpu":
        return (default_threads(rule, host),)
    return tuple(sorted({host.cores, *(1 << i for i in range(host.cores.bit_length()))}))


def tune(
    tunings: Iterable[Tuning], store: Store, state_path: Path, python: str | None, *, is_quick: bool
) -> Iterator[tuple[Tuning, Trial]]:
    """Measure one after the other, each in a child process, and give each result when it is safe on the disk.

    Args:
        python: The profile's ``worker_python``.

    Raises:
        StoreError: A file is not in the store, or the state cannot be written.
    """
    duration_s = QUICK_DURATION_S if is_quick else DURATION_S
    for tuning in tunings:
        trial = run_trial(tuning.candidate.variant, tuning.setup, store, python=python, duration_s=duration_s)
        record_trial(trial, tuning.setup, state_path)
        yield tuning, trial
