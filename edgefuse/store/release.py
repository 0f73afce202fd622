"""Releases: models and settings that go live together, kept as ``releases/<id>.json`` beside the pointer ``current``.

What ships with the package is release 0, so that the first update already has something to go back to.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import msgspec

from edgefuse import disk, paths
from edgefuse.config.manifest import Manifest, Variant, load_manifests
from edgefuse.errors import StoreError
from edgefuse.store.store import Store
from edgefuse.store.terms import Constraints, Gates

VERSION = 1
SHIPPED_ID = "0"
ReleaseId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$")]
"""Names a file, a topic's value and a column, so nothing that one of them could misread."""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A set of models and stage settings that go live together, and under which terms."""

    v: int = VERSION
    """Major version of this form; readers refuse one that they do not know and ignore keys that they do not know."""
    id: ReleaseId
    counter: int
    """Grows with every release, so that an old one cannot pass for a new one."""
    manifests: tuple[Manifest, ...]
    settings: dict[str, dict[str, str]] = {}
    """Stage options by stage and key, as ``edgefuse run --set`` takes them; a unit's own site configuration wins."""
    gates: Gates = Gates()
    constraints: Constraints = Constraints()

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

    Args:
        store: Where releases are kept.
        shipped: Folder of the manifests that make release 0; the package's own where none is given.

    Raises:
        StoreError: The release is missing or unreadable, or release 0 cannot be written.
        ConfigError: A shipped manifest does not fit.
    """
    pointer = store.root / "current"
    release_id = _read(pointer).decode(errors="replace").strip() if pointer.exists() else None
    if release_id not in (None, SHIPPED_ID):
        return load_release(store, release_id)
    folder = shipped or paths.manifest_dir()
    release = Release(id=SHIPPED_ID, counter=0, manifests=load_manifests(folder))
    if not release.manifests:
        raise StoreError(f"cannot make release {SHIPPED_ID}: {folder} has no manifests; install edgefuse again")
    save_release(store, release)
    if release_id is None:
        make_current(store, SHIPPED_ID)
    return release


def load_release(store: Store, release_id: str) -> Release:
    """Read a release.

    Raises:
        StoreError: There is none of that id, or this edgefuse cannot read it.
    """
    path = _path(store, release_id)
    return decode_release(_read(path), str(path))


def decode_release(data: bytes, name: str) -> Release:
    """Give the release that ``encode_release`` wrote; ``name`` stands for it in the error line.

    Raises:
        StoreError: It is none, or this edgefuse cannot read it.
    """
    try:
        version = msgspec.json.decode(data, type=_Version).v
        if version != VERSION:
            raise StoreError(
                f"cannot load {name}: it has form {version}, this edgefuse reads {VERSION} (update edgefuse)"
            )
        return msgspec.json.decode(data, type=Release)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise StoreError(f"cannot load {name}: {e}") from e


def encode_release(release: Release) -> bytes:
    """Give a release as JSON; the same release is the same bytes on every machine."""
    return msgspec.json.format(msgspec.json.encode(release, order="deterministic"), indent=1)


def save_release(store: Store, release: Release) -> None:
    """Write a release, unless it stands there already.

    Raises:
        StoreError: The store cannot be written.
    """
    path = _path(store, release.id)
    data = encode_release(release)
    if not path.exists() or _read(path) != data:
        disk.write_atomically(path, data)


def make_current(store: Store, release_id: str) -> None:
    """Let a release that is in the store go live.

    Raises:
        StoreError: The store has no such release, or cannot be written.
    """
    load_release(store, release_id)
    disk.write_atomically(store.root / "current", f"{release_id}\n".encode())


class _Version(msgspec.Struct):
    """The part of a release that every version has."""

    v: int


def _path(store: Store, release_id: str) -> Path:
    return store.root / "releases" / f"{release_id}.json"


def _read(path: Path) -> bytes:
    return b"".join(disk.read_chunks(path))


def _missing(what: str, word: str, known: dict[str, Manifest] | dict[str, Variant]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    advice = f"did you mean '{near[0]}'?" if near else f"choose from {', '.join(known)}"
    return f"cannot find {what}: {advice}"
