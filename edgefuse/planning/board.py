"""This unit, what kind it is and the models that it may use: from there to a plan that has proven itself here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from edgefuse.config.host import Host
from edgefuse.config.manifest import Variant
from edgefuse.config.profile import OperatingPoint, Profile, choose_profile, find_profile, load_profiles
from edgefuse.errors import PlanError
from edgefuse.planning.host import read_host
from edgefuse.planning.plan import Plan
from edgefuse.planning.probe import OnProbed
from edgefuse.planning.proof import ensure_golden
from edgefuse.planning.recall import recall, recall_or_probe
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.release import Release, current_release, load_release
from edgefuse.store.state import Crash, State, load_state, state_path
from edgefuse.store.store import Store, open_store
from edgefuse.store.transport import OnProgress


@dataclass(frozen=True, slots=True)
class Board:
    """This unit, what kind it is, and the models it may use."""

    profile: Profile
    """As its file says."""
    host: Host
    store: Store
    release: Release
    crashes: tuple[Crash, ...] | None = None
    """What the supervisor remembers, in place of what the disk does: that may be full, or read-only."""

    @property
    def ladder(self) -> tuple[OperatingPoint, ...]:
        """Give the operating points, as the release wants them."""
        return self.release.fit(self.profile).ladder

    def state(self) -> State:
        """Give what this unit has learned.

        Raises:
            StoreError: It cannot be read, or was written by a newer edgefuse.
        """
        state = load_state(state_path())
        return state if self.crashes is None else msgspec.structs.replace(state, crashes=self.crashes)

    def plan(
        self, tasks: Collection[str], wished_tasks: Collection[str] = (), on_fetching: OnProgress = lambda *_: None
    ) -> Plan:
        """Plan for this unit, fetch what the plan needs for some tasks, and prove that it works here.

        Args:
            tasks: Must have a choice.
            wished_tasks: May go without, where their models cannot be had.
            on_fetching: Called while bytes arrive, for a progress bar.

        Raises:
            PlanError: Nothing can run for a task that the main job needs.
            FetchError: A model is not here and cannot be had.
        """
        with open_fetcher(self.store, on_fetching) as fetcher:

            def fetch(variant: Variant) -> None:
                for file in variant.files:
                    fetcher.fetch(file)

            return ensure_golden(
                self.profile,
                self.release,
                self.host,
                self.store,
                tasks=tasks,
                wished_tasks=wished_tasks,
                state=self.state(),
                state_path=state_path(),
                provide=fetch,
            )


def probe_board(
    profile_id: str | None,
    on_probed: OnProbed | None = None,
    *,
    memory_mb: int | None = None,
    crashes: tuple[Crash, ...] | None = None,
    release_id: str | None = None,
) -> Board:
    """Probe this unit, or recall what the last probe found, and give it with its profile and its release.

    Args:
        profile_id: Profile to use in place of the one that matches.
        on_probed: Called after each runtime, for a progress bar.
        memory_mb: What the worker may use, in place of what the profile says.
        crashes: As of ``Board``.
        release_id: Release in place of the one that is live.

    Raises:
        ConfigError: There is no such profile, or none matches.
        PlanError: None of the profile's runtimes works here.
        StoreError: The release is not here.
    """
    store = open_store()
    release = current_release(store) if release_id is None else load_release(store, release_id)
    profile, host = _identify(profile_id, memory_mb)
    host = msgspec.structs.replace(host, runtimes=recall_or_probe(profile, host, state_path(), on_probed))
    if not any(fact.is_usable for fact in host.runtimes):
        reasons = "".join(f"\n  {fact.id}: {fact.reason}" for fact in host.runtimes)
        raise PlanError(f"cannot run models on this unit: no runtime of profile '{profile.id}' works{reasons}")
    return Board(profile, host, store, release, crashes)


def recall_board(profile_id: str | None, *, memory_mb: int | None = None) -> Board:
    """Give this unit as the last probe found it, with its profile and the current release; no process is started.

    Args:
        profile_id: Profile to use in place of the one that matches.
        memory_mb: What the worker may use, in place of what the profile says.

    Raises:
        ConfigError: There is no such profile, or none matches.
        NotProbedError: Nothing is known of its runtimes.
    """
    profile, host = _identify(profile_id, memory_mb)
    store = open_store()
    host = msgspec.structs.replace(host, runtimes=recall(load_state(state_path())))
    return Board(profile, host, store, current_release(store))


def _identify(profile_id: str | None, memory_mb: int | None) -> tuple[Profile, Host]:
    """Give what kind of board this is, and what the operating system tells about it."""
    host = read_host()
    profile = find_profile(profile_id) if profile_id is not None else choose_profile(load_profiles().values(), host)
    return profile if memory_mb is None else msgspec.structs.replace(profile, memory_mb=memory_mb), host
