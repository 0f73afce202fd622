"""Deltas to the files of a release, from those of older ones that devices may have.

What came from what is told by names: the same model, the same variant, the same place among its files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgefuse import disk
from edgefuse.config.manifest import ModelFile, Task, Variant
from edgefuse.factory.built import Delta, Part
from edgefuse.factory.delta import make_delta
from edgefuse.factory.layout import find_tensors
from edgefuse.factory.matching import Content
from edgefuse.ota.delta import rebuild
from edgefuse.store.release import Release
from edgefuse.store.store import Store

LARGEST_SHARE = 0.9
"""Largest part of a file that its delta may be: rebuilding reads and writes as much as the file has."""
LISTED_BYTES = 512
"""What a delta must save at all: its line in the metadata, which every device fetches, takes about 400."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A variant of a release, and the one of an older release whose place it takes."""

    task: Task
    base: Variant
    target: Variant

    @property
    def size_bytes(self) -> int:
        """Give the size of all files that deltas could lead to."""
        return sum(file.size_bytes for file in self.target.files)


def list_pairs(release: Release, bases: Iterable[Release]) -> tuple[Pair, ...]:
    """Name the variants that have other files in older releases, each once for the same files there."""
    older = [
        {(manifest.id, variant.id): variant for manifest in base.manifests for variant in manifest.variants}
        for base in bases
    ]
    pairs = {}
    for manifest in release.manifests:
        for variant in manifest.variants:
            for base in older:
                before = base.get((manifest.id, variant.id), variant)
                if _hashes(before) != _hashes(variant):
                    pairs[manifest.task, _hashes(before), _hashes(variant)] = Pair(manifest.task, before, variant)
    return tuple(pairs.values())


def _hashes(variant: Variant) -> tuple[str, ...]:
    return tuple(file.sha256 for file in variant.files)


def make_deltas(pair: Pair, store: Store) -> Iterator[tuple[Delta, bytes]]:
    """Make the deltas of a pair that save enough, and rebuild every file from its own; takes seconds for each megabyte.

    Raises:
        StoreError: A file is not in the store, or is damaged there.
        EdgefuseError: HDiffPatch is not installed.
    """
    before, after = _load(pair.base, store), _load(pair.target, store)
    for old, new in zip(pair.base.files, pair.target.files, strict=False):
        if old.sha256 != new.sha256:
            content = make_delta(before[old.name], after[new.name])
            if len(content) <= min(LARGEST_SHARE * new.size_bytes, new.size_bytes - LISTED_BYTES):
                _prove(store.path(old.sha256), content, new)
                yield Delta(Part(pair.task, new), old.sha256, len(content)), content


def _load(variant: Variant, store: Store) -> dict[str, Content]:
    store.check(variant.files)
    files = {file.name: disk.read_file(store.path(file.sha256)) for file in variant.files}
    tensors = find_tensors(variant.format, files)
    return {name: Content(data, tuple(tensors.get(name, ()))) for name, data in files.items()}


def _prove(base: Path, content: bytes, file: ModelFile) -> None:
    """Rebuild a file as a device does.

    Raises:
        DeltaError: The delta does not lead there.
    """
    with tempfile.NamedTemporaryFile() as delta:
        delta.write(content)
        delta.flush()
        for _ in rebuild(base, Path(delta.name), file):
            pass
