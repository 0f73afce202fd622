"""Releases: models and settings that go live together, kept as ``releases/<id>.json`` beside the pointer ``current``.

What ships with the package is release 0, so that the first update already has something to go back to. The pointer has
two lines, replaced as one: the release that is live, and the one before it.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import logging
import re
from pathlib import Path
from typing import Annotated

import msgspec

from edgefuse import disk, paths
from edgefuse.config.manifest import Manifest, Variant, load_manifests
from edgefuse.config.profile import Profile
from edgefuse.errors import StoreError
from edgefuse.store import versioned
from edgefuse.store.board_settings import Boards, fit_profile
from edgefuse.store.store import Store
from edgefuse.store.terms import Constraints, Gates

logger = logging.getLogger(__name__)

VERSION = 1
SHIPPED_ID = "0"
_ID = r"^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?\Z"  # $ would let a line end follow
ReleaseId = Annotated[str, msgspec.Meta(pattern=_ID)]
"""Names a file, a topic's value and a column, so nothing that one of them could misread."""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A set of models and stage settings that go live together, and under which terms."""

    v: int = VERSION
    """Major version of this form, see ``edgefuse.store.versioned``."""
    id: ReleaseId
    counter: int
    """Grows with every release, so that an old one cannot pass for a new one."""
    manifests: tuple[Manifest, ...]
    settings: dict[str, dict[str, str]] = {}
    """Stage options by stage and key, as ``edgefuse run --set`` takes them; a unit's own site configuration wins."""
    boards: Boards | msgspec.UnsetType = msgspec.UNSET
    """What is different for kinds of boards; left out where nothing is, as it was before there could be anything."""
    gates: Gates = Gates()
    constraints: Constraints = Constraints()

    def fit(self, profile: Profile) -> Profile:
        """Give a profile with the operating points and limits that this release brings."""
        return fit_profile(profile, self.boards or {})

    @property
    def embedding_spaces(self) -> tuple[str, ...]:
        """Name the spaces of its embedders; one that was built has one at most, which galleries must match."""
        spaces = (manifest.embedding_space for manifest in self.manifests)
        return tuple(dict.fromkeys(space for space in spaces if space is not None))

    def manifest(self, model_id: str) -> Manifest:
        """Find a model.

        Raises:
            StoreError: The release has none of that id.
        """
        models = {manifest.id: manifest for manifest in self.manifests}
        if model_id not in models:
            raise StoreError(_missing(f"model '{model_id}' in release {self.id}", model_id, models))
        return models[model_id]

    def find(self, model_id: str, variant_id: str) -> Variant:
        """Find a variant of a model.

        Raises:
            StoreError: The release has none of these ids.
        """
        variants = {variant.id: variant for variant in self.manifest(model_id).variants}
        if variant_id not in variants:
            raise StoreError(_missing(f"variant '{variant_id}' of '{model_id}'", variant_id, variants))
        return variants[variant_id]


def current_release(store: Store, shipped: Path | None = None) -> Release:
    """Give the release that is live; at first use that is release 0.

    Where its description cannot be read any more, what ran before is given in its place, or release 0: a unit on a pole
    runs something, and can be updated.

    Args:
        store: Where releases are kept.
        shipped: Folder of the manifests that make release 0; the package's own where none is given.

    Raises:
        StoreError: The pointer cannot be read, or release 0 cannot be written.
        ConfigError: A shipped manifest does not fit.
    """
    live = live_ids(store)
    for release_id in itertools.takewhile(lambda id: id != SHIPPED_ID, live):
        try:
            return load_release(store, release_id)
        except StoreError as e:
            logger.error("release cannot be run, the one before is release=%s reason=%s", release_id, e)
    folder = shipped or paths.manifest_dir()
    release = Release(id=SHIPPED_ID, counter=0, manifests=load_manifests(folder))
    if not release.manifests:
        raise StoreError(f"cannot make release {SHIPPED_ID}: {folder} has no manifests; install edgefuse again")
    save_release(store, release)
    if not live:
        make_current(store, SHIPPED_ID)
    return release


def live_ids(store: Store) -> tuple[str, ...]:
    """Give the ids of the release that is live and of the one before it; fewer on a unit that has had fewer.

    Raises:
        StoreError: The pointer cannot be read, or is broken.
    """
    pointer = store.root / "current"
    if not pointer.exists():
        return ()
    ids = tuple(disk.read_file(pointer).decode(errors="replace").split())
    if not ids or not all(re.match(_ID, id) for id in ids):
        raise StoreError(
            f"cannot read {pointer}: it names none of {store.root}/releases/; write one of them into it, or remove it "
            f"for release {SHIPPED_ID}"
        )
    return ids


def load_release(store: Store, release_id: str) -> Release:
    """Read a release.

    Raises:
        StoreError: There is none of that id, or this edgefuse cannot read it.
    """
    return load_description(release_path(store, release_id))


def load_description(path: Path) -> Release:
    """Read a file that ``encode_release`` made.

    Raises:
        StoreError: There is none, or this edgefuse cannot read it.
    """
    return decode_release(disk.read_file(path), str(path))


def decode_release(data: bytes, name: str) -> Release:
    """Give the release that ``encode_release`` wrote; ``name`` stands for it in the error line.

    Raises:
        StoreError: It is none, or this edgefuse cannot read it.
    """
    try:
        return versioned.decode(data, name, Release, VERSION)
    except versioned.BROKEN as e:
        raise StoreError(f"cannot load {name}: {e}") from e


def encode_release(release: Release) -> bytes:
    """Give a release as JSON; the same release is the same bytes on every machine."""
    return msgspec.json.format(msgspec.json.encode(release, order="deterministic"), indent=1)


def save_release(store: Store, release: Release) -> None:
    """Write a release, unless it stands there already.

    Raises:
        StoreError: The store cannot be written.
    """
    path = release_path(store, release.id)
    data = encode_release(release)
    if not path.exists() or disk.read_file(path) != data:
        disk.write_atomically(path, data)


def make_current(store: Store, release_id: str) -> None:
    """Let a release that is in the store go live; the one that was becomes the one before it.

    Raises:
        StoreError: The store has no such release, or cannot be written.
    """
    load_release(store, release_id)
    others = [live for live in live_ids(store) if live != release_id]
    disk.write_atomically(store.root / "current", "".join(f"{id}\n" for id in (release_id, *others[:1])).encode())


def hash_content(release: Release) -> str:
    """Give the sha256 of what a release runs: models and settings, whatever its number, its terms and its sources."""
    manifests = msgspec.to_builtins(release.manifests)
    for manifest in manifests:
        for variant in manifest["variants"]:
            for file in variant["files"]:
                del file["source"]
    content = [manifests, release.settings, *([release.boards] if release.boards else [])]
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def release_path(store: Store, release_id: str) -> Path:
    """Give the place of a release, here or not."""
    return store.root / "releases" / f"{release_id}.json"


def _missing(what: str, word: str, known: dict[str, Manifest] | dict[str, Variant]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    advice = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(known)}"
    return f"cannot find {what}: {advice}"
