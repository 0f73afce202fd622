"""A release as it lies in a folder after it was built: its description, and the model files that it names.

release.json
models/<task>/<sha256>
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgefuse import disk
from edgefuse.config.manifest import ModelFile, Task
from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.ota.places import file_place
from edgefuse.store.release import Release, decode_release, encode_release
from edgefuse.store.store import Store

DESCRIPTION = "release.json"


@dataclass(frozen=True, slots=True)
class Part:
    """A model file of a release, and the family that it belongs to."""

    task: Task
    file: ModelFile

    @property
    def place(self) -> str:
        """Give its place in the folder, and in every repository."""
        return file_place(self.task, self.file.sha256)


def list_parts(release: Release) -> tuple[Part, ...]:
    """Name the files of a release, each once a family."""
    parts = (
        Part(manifest.task, file)
        for manifest in release.manifests
        for variant in manifest.variants
        for file in variant.files
    )
    return tuple({part.place: part for part in parts}.values())


def write_built(folder: Path, release: Release, store: Store) -> None:
    """Write a release whose files are all in the store; the description comes last, so no half of one counts.

    Raises:
        EdgefuseError: There is something in the folder.
        StoreError: It cannot be written, or a file of the store is damaged.
    """
    if folder.exists() and any(folder.iterdir()):
        raise EdgefuseError(f"cannot write {folder}: there is something in it; name a new folder")
    for part in list_parts(release):
        copy_part(part, store.path(part.file.sha256), folder / part.place)
    disk.write_atomically(folder / DESCRIPTION, encode_release(release))


def load_built(folder: Path) -> Release:
    """Read the description of a release that was built.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    path = folder / DESCRIPTION
    return decode_release(b"".join(disk.read_chunks(path)), str(path))


def copy_part(part: Part, source: Path, target: Path) -> None:
    """Copy a model file, and make sure that it is what the release names; what is there already stays.

    Raises:
        StoreError: It is not, or cannot be read or written.
    """
    if target.is_file() and target.stat().st_size == part.file.size_bytes:
        return
    disk.write_chunks(target, _checked(part, disk.read_chunks(source), source))


def _checked(part: Part, chunks: Iterable[bytes], source: Path) -> Iterator[bytes]:
    digest, seen_bytes = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        seen_bytes += len(chunk)
        yield chunk
    if (digest.hexdigest(), seen_bytes) != (part.file.sha256, part.file.size_bytes):
        raise StoreError(f"cannot use {source}: it is not the {part.file.name} that the release names; build it again")
