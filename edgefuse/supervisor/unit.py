"""This unit as its configuration describes it: what shall run, on what kind of board, under which interpreter."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from edgefuse.config.profile import Profile, choose_profile, find_profile, load_profiles
from edgefuse.config.site import Site, load_site, site_path
from edgefuse.errors import RuntimeMissingError
from edgefuse.planning.host import read_host
from edgefuse.planning.probe import describe_missing_python


@dataclass(frozen=True, slots=True)
class Unit:
    """Site configuration and profile that fit each other."""

    site: Site
    profile: Profile
    board: str

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
