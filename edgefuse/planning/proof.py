"""Plans for this unit: what they choose can be had here and has proven itself on its runtime."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from pathlib import Path

from edgefuse.config.host import Host
from edgefuse.config.manifest import Variant
from edgefuse.config.profile import Profile
from edgefuse.planning.candidate import make_setup
from edgefuse.planning.plan import Choice, Plan, plan
from edgefuse.planning.trial import record_trial, run_trial
from edgefuse.store.release import Release
from edgefuse.store.state import Setup, State, load_state
from edgefuse.store.store import Store

logger = logging.getLogger(__name__)


def plan_unit(profile: Profile, release: Release, host: Host, store: Store, state: State) -> Plan:
    """Plan with what this unit has and what it has learned.

    Raises:
        PlanError: Nothing can run for a task that the main job needs.
    """
    return plan(profile, release, host, state, absent_files(release, store))


def absent_files(release: Release, store: Store) -> frozenset[str]:
    """List by sha256 the files that are not here and that no fetching brings: somebody must convert them first."""
    files = (file for manifest in release.manifests for variant in manifest.variants for file in variant.files)
    return frozenset(f.sha256 for f in files if f.source.kind == "converted_from" and not store.has(f.sha256))


def ensure_golden(
    profile: Profile,
    release: Release,
    host: Host,
    store: Store,
    *,
    tasks: Collection[str],
    state_path: Path,
    provide: Callable[[Variant], None],
) -> Plan:
    """Make a plan whose choices for the given tasks have all passed their golden check on this unit.

    What was not checked yet is checked in a child process; what fails is remembered, and the plan is made anew without
    it. Where everything was checked before, no process is started.

    Args:
        tasks: Choices for other tasks stay unchecked.
        state_path: Where the results are kept.
        provide: Brings the files of a chosen variant into the store, if they are not there.

    Raises:
        PlanError: Nothing that passes is left for a task that the main job needs.
        StoreError: A file is not in the store, or the state cannot be written; and what ``provide`` raises.
    """
    state = load_state(state_path)
    while True:
        made = plan_unit(profile, release, host, store, state)
        choices = [choice for choice in made.choices if choice.task in tasks]
        for choice in choices:
            provide(release.find(choice.model, choice.variant))
        unproven = [choice for choice in choices if not state.has_passed(setup_of(choice, release, host))]
        if not unproven:
            return made
        for choice in unproven:
            setup = setup_of(choice, release, host)
            trial = run_trial(release.find(choice.model, choice.variant), setup, store, python=profile.worker_python)
            state = record_trial(trial, setup, state_path)
            if trial.failure:
                logger.warning(
                    "golden check failed model=%s variant=%s runtime=%s target=%s reason=%s",
                    choice.model, choice.variant, choice.runtime, choice.target, trial.failure,
                )  # fmt: skip


def setup_of(choice: Choice, release: Release, host: Host) -> Setup:
    """Give the setup that a choice stands for on a host."""
    variant = release.find(choice.model, choice.variant)
    fact = host.runtime(choice.runtime)
    version = fact.version if fact else ""
    return make_setup(variant, choice.runtime, version, choice.target, choice.threads)
