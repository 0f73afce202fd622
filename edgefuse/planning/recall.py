"""Going on with the last probe of the runtimes where nothing changed that they depend on: a probe takes a second."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

import edgefuse
from edgefuse import paths
from edgefuse.config.host import Host, RuntimeFact
from edgefuse.config.profile import Profile
from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.planning.probe import OnProbed, probe_runtimes
from edgefuse.store.state import Probe, State, load_state, update_state

logger = logging.getLogger(__name__)

_SYSTEM_LIBRARIES = Path("/etc/ld.so.cache")  # written anew whenever a library or a driver is installed
_BOOT = Path("/proc/sys/kernel/random/boot_id")  # drivers and sticks may come up otherwise the next time


class NotProbedError(EdgefuseError):
    """Nothing is known of the runtimes of this unit; the next worker probes them."""


def recall(state: State) -> tuple[RuntimeFact, ...]:
    """Give what the last probe found, whatever may have changed since; who runs models asks ``recall_or_probe``.

    Raises:
        NotProbedError: There was none, or it was forgotten since a model crashed or could not be opened.
    """
    if state.probe is None:
        raise NotProbedError("cannot tell which runtimes work here: they were not probed yet; start the worker")
    return state.probe.runtimes


def recall_or_probe(
    profile: Profile, host: Host, state_path: Path, on_probed: OnProbed | None = None
) -> tuple[RuntimeFact, ...]:
    """Give the facts about the runtimes of a profile, from the last probe if it still holds.

    Args:
        profile: Of this unit.
        host: Facts without runtimes.
        state_path: Where the last probe is kept; that it cannot be kept is no reason to stop.
        on_probed: Called after each runtime that is probed.

    Raises:
        StoreError: The state was written by a newer edgefuse.
    """
    fingerprint = _fingerprint(profile, host)
    last = load_state(state_path).probe
    if last is not None and last.fingerprint == fingerprint:
        return last.runtimes
    facts = probe_runtimes(profile, host.cores, on_probed)
    probe = Probe(fingerprint=fingerprint, runtimes=facts) if any(fact.is_usable for fact in facts) else None
    _keep(probe, state_path)
    return facts


def forget_probe(state_path: Path) -> None:
    """Have the runtimes probed again the next time: one of them was not what it seemed."""
    _keep(None, state_path)


def _keep(probe: Probe | None, state_path: Path) -> None:
    try:
        update_state(state_path, lambda state: state.with_probe(probe))
    except StoreError as e:
        logger.warning("probe of the runtimes is not kept reason=%s", e)


def _fingerprint(profile: Profile, host: Host) -> str:
    """Sum up what the runtimes depend on."""
    told = msgspec.structs.replace(host, cameras=(), zones=(), runtimes=())
    python = profile.worker_python or sys.executable
    parts = (edgefuse.__version__, platform.release(), python, profile.runtimes, told, *_installed())
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _installed() -> Iterator[str]:
    """Tell packages with their versions, where else modules come from, system libraries, and the boot."""
    # The checkout is put there by edgefuse itself, for its children.
    yield from sorted(set(os.environ.get("PYTHONPATH", "").split(os.pathsep)) - {str(paths.checkout_dir())})
    for folder in map(Path, sys.path):
        packages = sorted(path.name for path in folder.glob("*.dist-info"))
        if packages:
            # Its time tells of what comes without such a record, too.
            yield f"{folder} {folder.stat().st_mtime_ns} {packages}"
    if _SYSTEM_LIBRARIES.is_file():
        yield f"{_SYSTEM_LIBRARIES.stat().st_mtime_ns}"
    if _BOOT.is_file():
        yield _BOOT.read_text()
