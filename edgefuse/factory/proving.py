"""What a release must show before it is built: a plan for every board, and right outputs on every runtime here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import edgefuse
from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Manifest, Variant
from edgefuse.config.profile import Profile, load_profiles
from edgefuse.errors import ConfigError, EdgefuseError, PlanError
from edgefuse.planning.candidate import make_setup
from edgefuse.planning.obstacle import find_version_obstacle
from edgefuse.planning.plan import plan
from edgefuse.planning.trial import run_trial
from edgefuse.store.release import Release
from edgefuse.store.store import Store


@dataclass(frozen=True, slots=True)
class Check:
    """One variant that is to be opened and run on one runtime of this machine."""

    manifest: Manifest
    variant: Variant
    fact: RuntimeFact
    target: str

    @property
    def name(self) -> str:
        """Name it as people read it."""
        return f"{self.manifest.id} {self.variant.id} on {self.fact.id} {self.target}"

    def run(self, store: Store) -> str:
        """Give why the variant must not go out; empty where its outputs are what its manifest promises.

        Raises:
            StoreError: A file is not in the store, or is damaged there.
        """
        setup = make_setup(self.variant, self.fact.id, self.fact.version, self.target, threads=1)
        return run_trial(self.variant, setup, store).failure


def boards_for(release: Release) -> tuple[Profile, ...]:
    """Give the kinds of boards that a release may go to.

    Raises:
        ConfigError: It names a kind that does not exist, or may go nowhere.
    """
    profiles = load_profiles()
    if unknown := [name for name in release.constraints.profiles if name not in profiles]:
        raise ConfigError(f"cannot make release {release.id}: there is no profile '{unknown[0]}'")
    misfits = {
        name: release.constraints.find_misfit(profile, profile.sample, edgefuse.__version__)
        for name, profile in profiles.items()
    }
    boards = tuple(profiles[name] for name, misfit in misfits.items() if not misfit)
    if not boards:
        raise ConfigError(f"cannot make release {release.id} for any board: {next(iter(misfits.values()))}")
    return boards


def check_boards(release: Release, boards: Iterable[Profile]) -> None:
    """Plan for boards from their sample facts.

    Raises:
        PlanError: A board could not do the main job; every option is named with its reason.
    """
    failures = []
    for profile in boards:
        try:
            plan(profile, release, profile.sample)
        except PlanError as e:
            failures.append(str(e))
    if failures:
        advice = "add a variant, or name the boards that it is for under `constraints: profiles:`"
        raise PlanError("\n".join([f"cannot build release {release.id}: {advice}", *failures]))


def check_settings(release: Release) -> None:
    """Hold the settings against the schema of each stage.

    Raises:
        ConfigError: There is no such stage or option, or a value does not fit.
    """
    from edgefuse.vision.pipeline import load_options, stage_types  # loads pixels, which no other command here needs

    load_options(stage_types(tuple(release.settings)), release.settings, f"release {release.id}: settings.")


def check_limits(release: Release, boards: Iterable[Profile]) -> None:
    """Refuse operating points and limits that no board would take.

    Raises:
        ConfigError: They are for a board that the release does not go to, for a zone that has no limit there, or a
            limit is above the board's own.
    """
    known = {profile.id: profile for profile in boards}
    for name, settings in (release.boards or {}).items():
        where = f"cannot make release {release.id}: boards.{name}"
        if name not in known:
            raise ConfigError(f"{where}: it does not go to such a board, only to {', '.join(known)}")
        limits_c = {trip.zone: trip.enter_c for trip in known[name].trips}
        for trip in settings.trips:
            if trip.zone not in limits_c:
                raise ConfigError(f"{where}.trips: no zone '{trip.zone}' has a limit there, only {', '.join(limits_c)}")
            if trip.enter_c > limits_c[trip.zone]:
                raise ConfigError(
                    f"{where}.trips: {trip.enter_c:g} C is above the board's own limit for '{trip.zone}', "
                    f"{limits_c[trip.zone]:g} C; a release can only lower it"
                )


def check_promises(release: Release) -> None:
    """Refuse a variant of which nobody could tell that it works.

    Raises:
        EdgefuseError: An output has no golden values.
    """
    for manifest in release.manifests:
        for variant in manifest.variants:
            for output in variant.outputs:
                if output.name not in variant.golden:
                    raise EdgefuseError(
                        f"cannot build release {release.id}: {manifest.id} {variant.id} has no golden values for its "
                        f"output {output.name}; `edgefuse release golden` prints them"
                    )


def list_checks(release: Release, facts: Iterable[RuntimeFact]) -> Iterator[Check]:
    """Name every variant on every runtime that reads it here, and on every target of that."""
    usable = [fact for fact in facts if fact.is_usable]
    for manifest in release.manifests:
        for variant in manifest.variants:
            for fact in usable:
                if variant.format in fact.formats and not find_version_obstacle(variant, fact):
                    for target in fact.targets:
                        yield Check(manifest, variant, fact, target)
