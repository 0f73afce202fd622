"""From one pinned root file to a repository that has proved what it offers.

Whoever brings the bytes may lie, repeat old ones, mix, stall and flood. What comes out of here was signed by who may
say so, is the newest that this device can know of, and is of the size that was signed. Expired metadata blocks updates,
never what already runs: nothing here is asked for that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Metadata, Snapshot, Targets, Timestamp
from tuf.ngclient import Updater, UpdaterConfig

from edgefuse import paths
from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.ota.fetching import PatientFetcher, Transport
from edgefuse.ota.known import Known, collect, load_known, read_signed_at, save_known
from edgefuse.ota.places import METADATA, TARGETS
from edgefuse.ota.refusal import TrustError, telling
from edgefuse.ota.repository import Repository

_ROOT_LIMIT_BYTES = 1 << 16
_CONFIG = UpdaterConfig(
    max_root_rotations=64,
    max_delegations=16,
    root_max_length=_ROOT_LIMIT_BYTES,
    timestamp_max_length=1 << 14,
    snapshot_max_length=1 << 18,
    targets_max_length=2 << 20,
    prefix_targets_with_hash=False,  # places have it already where content may differ
)


def anchor_path() -> Path:
    """Give the place of the root file that this device was made to trust."""
    return paths.config_dir() / "root.json"


def state_path() -> Path:
    """Give the place of the metadata that this device has verified."""
    return paths.state_dir() / "trust/known.json"


@contextmanager
def open_repository(anchor: Path, state: Path, fetcher: Transport, now: datetime | None) -> Iterator[Repository]:
    """Verify what a repository says of itself, keep that, and give the repository.

    Args:
        anchor: The pinned root file.
        state: Where verified metadata is kept. What is refused leaves nothing there; only new roots, which end the
            trust in old keys, are kept even where what follows them is refused.
        fetcher: Brings the bytes.
        now: Trusted time. Where there is none, expiry is judged by the latest time that verified metadata stated.

    Raises:
        TrustError: The repository does not prove what it offers.
        FetchError: It cannot be reached, or is too slow.
        StoreError: The pinned root file or the state cannot be read, or the state not written.
    """
    pinned = _read_anchor(anchor)
    known = load_known(state)
    if not known.follows(pinned):
        known = Known()
    patient = PatientFetcher(fetcher)
    with tempfile.TemporaryDirectory(prefix="edgefuse-trust-") as folder:
        scratch = Path(folder)
        known.lay_out(scratch)
        floor = known.find_floor()
        updater = _make_updater(pinned, scratch, patient, max(floor, now or floor))
        known = _refresh(updater, scratch, state, known)
        yield Repository(updater, patient, scratch)
        _keep(state, known, scratch)  # with the lists that were asked for meanwhile


def _read_anchor(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_ROOT_LIMIT_BYTES + 1)
    except OSError as e:
        raise StoreError(f"cannot read the pinned root file {path}: {e.strerror}; copy the one of your site") from e
    if len(data) > _ROOT_LIMIT_BYTES:
        raise TrustError(f"cannot trust the pinned root file {path}: it is longer than {_ROOT_LIMIT_BYTES} bytes")
    return data


def _make_updater(pinned: bytes, scratch: Path, fetcher: Transport, now: datetime) -> Updater:
    with telling("trust the pinned root file"):
        updater = Updater(
            str(scratch), METADATA, target_base_url=TARGETS, fetcher=fetcher, config=_CONFIG, bootstrap=pinned
        )
    # There is no public way to say what time it is, and the system's clock may be a board's that has none.
    updater._trusted_set.reference_time = now
    return updater


def _refresh(updater: Updater, scratch: Path, state: Path, known: Known) -> Known:
    """Verify the newest metadata, keep it, and give what is kept now."""
    before = collect(scratch).roots_only()
    try:
        with telling("trust this repository"):
            updater.refresh()
        _check_times(scratch)
    except EdgefuseError:
        roots = collect(scratch).roots_only()
        if roots != before:
            save_known(state, Known(files={**known.files, **roots}))
        raise
    return _keep(state, known, scratch)


def _check_times(scratch: Path) -> None:
    """Refuse a timestamp from a future for which no offline key has vouched: it would become this device's floor.

    Raises:
        TrustError: It says that it was signed after something that it leads to has expired.
    """
    timestamp = Metadata[Timestamp].from_file(str(scratch / "timestamp.json")).signed
    snapshot = Metadata[Snapshot].from_file(str(scratch / "snapshot.json")).signed
    targets = Metadata[Targets].from_file(str(scratch / "targets.json")).signed
    signed_at = read_signed_at(timestamp)
    if signed_at is not None and signed_at > min(timestamp.expires, snapshot.expires, targets.expires):
        raise TrustError(
            f"cannot trust this repository: its timestamp says that it was signed on {signed_at:%Y-%m-%d}, when other "
            "metadata will have expired; the clock of the machine that signs it is wrong"
        )


def _keep(state: Path, known: Known, scratch: Path) -> Known:
    verified = collect(scratch)
    if verified != known:
        save_known(state, verified)
    return verified
