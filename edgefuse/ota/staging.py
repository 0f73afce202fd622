"""The part of a deployment's work that the store alone takes: from a verified description to the pointer."""

from __future__ import annotations

from collections.abc import Iterable

from edgefuse import disk
from edgefuse.config.manifest import ModelFile
from edgefuse.errors import StoreError
from edgefuse.ota.actions import Work
from edgefuse.ota.events import Done, Failed, Resolved
from edgefuse.ota.parts import keep_parts
from edgefuse.ota.retention import collect_garbage, offer_path
from edgefuse.store.release import (
    SHIPPED_ID,
    Release,
    current_release,
    encode_release,
    hash_content,
    live_ids,
    load_description,
    load_release,
    make_current,
    save_release,
)
from edgefuse.store.store import Store


def keep_offer(store: Store, release: Release, seq: int) -> Resolved | Failed:
    """Keep the verified description of a release that is to be installed: the end of RESOLVE.

    Raises:
        StoreError: The store cannot be read or written.
    """
    current = current_release(store)
    if release.id == SHIPPED_ID:
        return Failed(seq, f"{SHIPPED_ID} is what ships with edgefuse; publish it under another id", "rejected")
    if release.id in live_ids(store) and load_release(store, release.id) != release:
        return Failed(seq, f"another release {release.id} is here; publish it under another id", "rejected")
    disk.write_atomically(offer_path(store), encode_release(release))
    return Resolved(
        seq,
        counter=release.counter,
        content=hash_content(release),
        gates=release.gates,
        current=current.id,
        current_content=hash_content(current),
        current_counter=current.counter,
    )


def load_offer(store: Store) -> Release:
    """Give what ``keep_offer`` kept.

    Raises:
        StoreError: There is nothing, or it cannot be read.
    """
    return load_description(offer_path(store))


def verify(store: Store, files: Iterable[ModelFile]) -> None:
    """Read every file that the release needs here again, and make sure that it stays: the work of VERIFY.

    One that is not what its name says is taken out, so that it is fetched again, whatever made it so. Parts that a
    power cut has left go.

    Raises:
        StoreError: One is missing or another, or the disk is broken.
    """
    files = tuple(files)
    for file in files:
        if not store.is_intact(file.sha256):
            store.remove(file.sha256)
            raise StoreError(f"cannot use {file.name}: its content has changed on the disk; it was taken out")
    store.sync(file.sha256 for file in files)
    keep_parts(store, lambda _: False)


def perform(store: Store, work: Work) -> Done | Failed:
    """Do the work of STAGE, COMMIT or CLEANUP; each may be done again."""
    try:
        if work.step == "STAGE":
            _stage(store)
        elif work.step == "COMMIT":
            _commit(store, work.deployment.release)
        else:
            collect_garbage(store)
    except StoreError as e:
        return Failed(work.seq, str(e))
    return Done(work.seq)


def _stage(store: Store) -> None:
    """Put the description in its place."""
    save_release(store, load_offer(store))
    with disk.writing(store.root):
        disk.sync_folder(store.root / "releases")  # also where it was there, see ``Store.sync``


def _commit(store: Store, release_id: str) -> None:
    """Let the release go live; an error that comes after it is live changes nothing about that.

    Raises:
        StoreError: The store cannot be written, and the release before is live.
    """
    try:
        make_current(store, release_id)
    except StoreError:
        if live_ids(store)[:1] != (release_id,):
            raise
