"""What of the store may go: what releases brought that are neither live nor the one before, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from edgefuse import disk
from edgefuse.errors import StoreError
from edgefuse.ota.parts import keep_parts
from edgefuse.store.release import Release, live_ids, load_description, load_release
from edgefuse.store.store import Store

logger = logging.getLogger(__name__)


def collect_garbage(store: Store, offer: Path | None = None) -> None:
    """Remove other releases than the live one and the one before it, and the files that only they have.

    Files go before the description that names them, so that a power cut in between leaves garbage that is known.
    Where a release that stays cannot be read, nobody knows what to keep, and nothing goes: updates must be able to mend
    that, as after the next one or two it is none that stays.

    Args:
        store: Where no release is live, nothing is touched.
        offer: Description of a release that is on its way; its files stay too, and what has come of them.

    Raises:
        StoreError: The pointer or the offer cannot be read, or the disk is broken.
    """
    live = live_ids(store)
    if not live:
        return
    offered = _files([load_description(offer)]) if offer is not None and offer.exists() else set()
    keep_parts(store, lambda part: part.sha256 in offered)
    try:
        kept = _files(load_release(store, id) for id in live) | offered
    except StoreError as e:
        logger.warning("nothing but parts goes, as nobody knows what must stay reason=%s", e)
        return
    for path in _find_descriptions(store):
        if path != offer and path.stem not in live:
            _remove(store, path, kept)
    _remove_dangling(store.root / "named")


def offer_path(store: Store) -> Path:
    """Give the place of the description of a release that is on its way and not in its place yet."""
    return store.root / "offered.json"


def _find_descriptions(store: Store) -> list[Path]:
    return [path for path in (*sorted(store.root.glob("releases/*.json")), offer_path(store)) if path.exists()]


def _remove(store: Store, description: Path, kept: set[str]) -> None:
    try:
        brought = _files([load_description(description)])
    except StoreError as e:
        logger.warning("release goes, its files stay path=%s reason=%s", description, e)
        brought = set()
    for sha256 in sorted(brought - kept):
        if store.has(sha256):
            store.remove(sha256)
    with disk.writing(description):
        description.unlink()
        disk.sync_folder(description.parent)


def _files(releases: Iterable[Release]) -> set[str]:
    return {
        file.sha256
        for release in releases
        for manifest in release.manifests
        for variant in manifest.variants
        for file in variant.files
    }


def _remove_dangling(named: Path) -> None:
    """Remove links to files that are gone; they take nothing but names, so nothing depends on when they go."""
    with disk.writing(named):
        for link in named.glob("*/*"):
            if link.is_symlink() and not link.exists():
                link.unlink()
        for folder in named.glob("*"):
            if not any(folder.iterdir()):
                folder.rmdir()
