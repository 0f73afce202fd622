"""Every directory that edgefuse touches, in one place.

All of them hang below one root. It is ``EDGEFUSE_ROOT`` where that is set, ``/`` where the service is installed,
and ``~/.edgefuse`` for a person who tries edgefuse without installing anything.
"""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """Give the folder that stands for ``/``."""
    if value := os.environ.get("EDGEFUSE_ROOT"):
        return Path(value).resolve()
    if os.access("/var/lib/edgefuse", os.W_OK):
        return Path("/")
    return Path.home() / ".edgefuse"


def system_root() -> Path:
    """Give the folder that stands for ``/`` where sensors are read: another one only in tests, with simulated heat."""
    return Path(os.environ.get("EDGEFUSE_SYSTEM_ROOT", "/"))


def state_dir() -> Path:
    """Give the folder of what must survive a restart: store, releases, ``state.json``."""
    return root() / "var/lib/edgefuse"


def cache_dir() -> Path:
    """Give the folder of what may be deleted at any time: engines, donors, half-finished downloads."""
    return root() / "var/cache/edgefuse"


def run_dir() -> Path:
    """Give the folder of what is gone after a reboot."""
    return root() / "run/edgefuse"


def config_dir() -> Path:
    """Give the folder that people edit; the program writes only ``link/`` there, when a device joins a fleet."""
    return root() / "etc/edgefuse"


def fleet_dir() -> Path:
    """Give the folder of the site that this user operates; its keys belong to a person, as those of ssh do."""
    if value := os.environ.get("EDGEFUSE_ROOT"):
        return Path(value).resolve() / "fleet"
    return Path.home() / ".edgefuse/fleet"


def vault_dir() -> Path:
    """Give the folder in which this user signs releases; its keys belong to a person too."""
    if value := os.environ.get("EDGEFUSE_ROOT"):
        return Path(value).resolve() / "vault"
    return Path.home() / ".edgefuse/vault"


def profile_dirs() -> tuple[Path, ...]:
    """Give the folders of profiles; a profile of an earlier folder wins over the same id in a later one."""
    return (config_dir() / "devices.d", _shared_dir() / "devices")


def manifest_dir() -> Path:
    """Give the folder of the manifests that ship with the package."""
    return _shared_dir() / "models"


def constraints_dir() -> Path:
    """Give the folder of versions that were tested together."""
    return _shared_dir() / "constraints"


def checkout_dir() -> Path | None:
    """Give the checkout that this package is run from; nothing where it is installed."""
    folder = _PACKAGE.parent
    return folder if (folder / "pyproject.toml").is_file() else None


def _shared_dir() -> Path:
    """Find shipped data: beside the package in a checkout, else in the nearest ``share`` folder above it.

    Environments, ``pip install --user``, ``pip install --target`` and distributions all put it there.
    """
    if checkout := checkout_dir():
        return checkout
    places = (folder / "share/edgefuse" for folder in _PACKAGE.parents)
    return next((place for place in places if place.is_dir()), Path("/usr/share/edgefuse"))
