"""A release as it lies in a folder after it was built: its description, its model files, and deltas to them.

release.json
models/<task>/<sha256>
models/<task>/<sha256>.from.<base sha256>
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgefuse import disk
from edgefuse.config.manifest import ModelFile, Task
from edgefuse.errors import EdgefuseError
from edgefuse.factory.copying import copy_file
from edgefuse.ota.places import delta_place, file_place
from edgefuse.store.release import Release, encode_release, load_description
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


@dataclass(frozen=True, slots=True)
class Delta:
    """How to get a part of a release from a file of an older one."""

    part: Part
    base_sha256: str
    size_bytes: int

    @property
    def place(self) -> str:
        """Give its place in the folder, and in every repository."""
        return delta_place(self.part.task, self.part.file.sha256, self.base_sha256)


def list_parts(release: Release) -> tuple[Part, ...]:
    """Name the files of a release, each once a family."""
    parts = (
        Part(manifest.task, file)
        for manifest in release.manifests
        for variant in manifest.variants
        for file in variant.files
    )
    return tuple({part.place: part for part in parts}.values())


def write_built(folder: Path, release: Release, store: Store, deltas: Iterable[tuple[Delta, bytes]] = ()) -> None:
    """Write a release whose files are all in the store; the description comes last, so no half of one counts.

    Raises:
        EdgefuseError: There is something in the folder.
        StoreError: It cannot be written, or a file of the store is damaged.
    """
    need_empty(folder)
    for part in list_parts(release):
        expected = f"the {part.file.name} that the release names; build it again"
        copy_file(store.path(part.file.sha256), folder / part.place, part.file.sha256, expected)
    for delta, content in deltas:
        disk.write_atomically(folder / delta.place, content)
    disk.write_atomically(folder / DESCRIPTION, encode_release(release))


def need_empty(folder: Path) -> None:
    """Tell early that a release cannot be written to a folder.

    Raises:
        EdgefuseError: There is something in it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise EdgefuseError(f"cannot write {folder}: there is something in it; name a new folder")


def load_built(folder: Path) -> Release:
    """Read the description of a release that was built.

    Raises:
        StoreError: There is none, or it cannot be read.
    """
    path = folder / DESCRIPTION
    return load_description(path)


def list_deltas(folder: Path, release: Release) -> tuple[Delta, ...]:
    """Name the deltas to files of a release that were built with it."""
    return tuple(
        Delta(part, path.name.removeprefix(beginning), path.stat().st_size)
        for part in list_parts(release)
        for beginning in (Path(delta_place(part.task, part.file.sha256, "")).name,)
        for path in sorted((folder / part.place).parent.glob(f"{beginning}*"))
    )
