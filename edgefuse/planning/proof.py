"""Plans for this unit: what they choose can be had here and has proven itself on its runtime."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from edgefuse.config.host import Host
from edgefuse.config.manifest import ModelFile, Variant
from edgefuse.config.profile import Profile
from edgefuse.errors import FetchError, PlanError, StoreError
from edgefuse.planning.candidate import make_setup
from edgefuse.planning.plan import Choice, Plan, plan
from edgefuse.planning.trial import Trial, make_check, record_trial, run_trial
from edgefuse.store.release import Release
from edgefuse.store.state import GoldenCheck, Setup, State
from edgefuse.store.store import Store
from edgefuse.store.transport import UnreachableError

logger = logging.getLogger(__name__)

_NO_PACKAGE: Mapping[str, str] = {
    "converted_from": "its file is not in the store, and no package has it (tools/convert makes it)",
    "release": "its file is not in the store, and comes with its release alone",
}
"""Why, by kind of source."""


def plan_unit(profile: Profile, release: Release, host: Host, store: Store, state: State) -> Plan:
    """Plan with what this unit has and what it has learned.

    Raises:
        PlanError: Nothing can run for a task that the main job needs.
    """
    return plan(profile, release, host, state, absent_files(release, store))


def absent_files(release: Release, store: Store) -> dict[str, str]:
    """Give by sha256 why files that are not here cannot be fetched: they are in no package."""
    missing = _missing_files(release, store)
    return {f.sha256: _NO_PACKAGE[f.source.kind] for f in missing if f.source.kind in _NO_PACKAGE}


def ensure_golden(
    profile: Profile,
    release: Release,
    host: Host,
    store: Store,
    *,
    tasks: Collection[str],
    wished_tasks: Collection[str] = (),
    state: State,
    state_path: Path,
    provide: Callable[[Variant], None],
) -> Plan:
    """Make a plan whose choices for the given tasks are here and have all passed their golden check on this unit.

    What was not checked yet is checked in a child process; what fails is remembered, and the plan is made anew without
    it; so it is without what cannot be fetched now. Where everything was checked before, no process is started.

    Args:
        tasks: Choices for other tasks stay unchecked.
        wished_tasks: As ``tasks``, but where their files cannot be fetched now, the plan does without.
        state: What this unit has learned so far.
        state_path: Where the results are kept; where they cannot be, they hold for this time.
        provide: Brings the files of a chosen variant into the store, if they are not there.

    Raises:
        PlanError: Nothing that passes is left for a task that the main job needs.
        FetchError: Nothing is left for one of the tasks because its files cannot be fetched.
        StoreError: A file is not in the store; and what ``provide`` raises.
    """
    absent = absent_files(release, store)
    failures: dict[str, FetchError] = {}
    while True:
        made = _plan_with(profile, release, host, state, absent, failures=failures)
        choices = [choice for choice in made.choices if choice.task in tasks or choice.task in wished_tasks]
        if failed := _first_failure(choices, release, provide):
            choice, error = failed
            if choice.task in tasks:
                failures[choice.task] = error
            absent |= _lost_with(release.find(choice.model, choice.variant), error, release, store)
            logger.warning(
                "going on without a model model=%s variant=%s reason=%s", choice.model, choice.variant, error
            )
            continue
        unproven = [choice for choice in choices if not state.has_passed(setup_of(choice, release, host))]
        if not unproven:
            return made
        for choice in unproven:
            setup = setup_of(choice, release, host)
            trial = run_trial(release.find(choice.model, choice.variant), setup, store, python=profile.worker_python)
            state = state.with_check(_keep(trial, setup, state_path))
            if trial.failure:
                logger.warning(
                    "golden check failed model=%s variant=%s runtime=%s target=%s reason=%s",
                    choice.model, choice.variant, choice.runtime, choice.target, trial.failure,
                )  # fmt: skip


def _keep(trial: Trial, setup: Setup, state_path: Path) -> GoldenCheck:
    """Keep what a trial has shown, and give its golden check; a full disk is no reason to deliver nothing."""
    try:
        return record_trial(trial, setup, state_path)
    except StoreError as e:
        logger.warning("golden check is not kept reason=%s", e)
        return make_check(trial, setup)


def _plan_with(
    profile: Profile,
    release: Release,
    host: Host,
    state: State,
    absent: Mapping[str, str],
    *,
    failures: Mapping[str, FetchError],
) -> Plan:
    """Plan; where nothing is left for a task whose files could not be fetched, that is what must be mended.

    Raises:
        PlanError: Nothing can run for a task that the main job needs, and nothing failed to be fetched.
        FetchError: Nothing is left for a task since its files could not be fetched.
    """
    try:
        made = plan(profile, release, host, state, absent)
    except PlanError as e:
        for failure in failures.values():
            raise failure from e
        raise
    for task, failure in failures.items():
        if not made.choices_for(task):
            raise failure
    return made


def _first_failure(
    choices: Iterable[Choice], release: Release, provide: Callable[[Variant], None]
) -> tuple[Choice, FetchError] | None:
    """Provide one choice after the other; give the first that cannot be had now."""
    for choice in choices:
        try:
            provide(release.find(choice.model, choice.variant))
        except FetchError as e:
            return choice, e
    return None


def _lost_with(variant: Variant, error: FetchError, release: Release, store: Store) -> dict[str, str]:
    """Give the missing files that fail with those of a variant: of the same package, or all that come the same way."""
    sources = [file.source for file in variant.files if not store.has(file.sha256)]
    addresses = {source.address for source in sources}
    closed = {source.kind for source in sources} if isinstance(error, UnreachableError) else set()
    return {
        file.sha256: f"its file cannot be fetched now: {error}"
        for file in _missing_files(release, store)
        if file.source.address in addresses or file.source.kind in closed
    }


def _missing_files(release: Release, store: Store) -> Iterator[ModelFile]:
    files = (file for manifest in release.manifests for variant in manifest.variants for file in variant.files)
    return (file for file in files if not store.has(file.sha256))


def setup_of(choice: Choice, release: Release, host: Host) -> Setup:
    """Give the setup that a choice stands for on a host."""
    variant = release.find(choice.model, choice.variant)
    fact = host.runtime(choice.runtime)
    version = fact.version if fact else ""
    return make_setup(variant, choice.runtime, version, choice.target, choice.threads)
