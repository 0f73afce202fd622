"""This unit as its configuration describes it: what shall run, on what kind of board, under which interpreter."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace

from edgefuse.config.profile import Profile, choose_profile, find_profile, load_profiles
from edgefuse.config.site import Site, load_site, site_path
from edgefuse.errors import RuntimeMissingError
from edgefuse.planning.host import read_host
from edgefuse.planning.probe import describe_missing_python
from edgefuse.store.board_settings import Boards, fit_profile
from edgefuse.store.release import SHIPPED_ID, live_ids, load_release
from edgefuse.store.store import open_store


@dataclass(frozen=True, slots=True)
class Unit:
    """Site configuration and profile that fit each other."""

    site: Site
    kind: Profile
    """As its file says."""
    board: str
    boards: Boards = field(default_factory=dict)
    """What the release that runs changes of profiles."""

    @property
    def profile(self) -> Profile:
        """Give the profile as the release that runs wants it."""
        return fit_profile(self.kind, self.boards)

    def with_release(self, release_id: str | None) -> Unit:
        """Give the unit as a release wants it; without an id, the one that is live.

        Raises:
            StoreError: The release is not here, or cannot be read.
        """
        store = open_store()
        release_id = release_id or next(iter(live_ids(store)), SHIPPED_ID)
        boards = {} if release_id == SHIPPED_ID else load_release(store, release_id).boards
        return replace(self, boards=boards or {})

    def python(self) -> str:
        """Give the interpreter of the worker.

        Raises:
            RuntimeMissingError: It is not there.
        """
        python = self.profile.worker_python or sys.executable
        if not os.access(python, os.X_OK):
            raise RuntimeMissingError(f"cannot run the worker: {describe_missing_python(python)}")
        return python


def load_unit() -> Unit:
    """Load the configuration of this unit.

    Raises:
        ConfigError: The site configuration or a profile cannot be read or does not fit, or no profile matches.
    """
    site, host = load_site(site_path()), read_host()
    profile = find_profile(site.profile) if site.profile else choose_profile(load_profiles().values(), host)
    return Unit(site, profile, host.board or " ".join(host.dmi[:2]) or host.arch)
