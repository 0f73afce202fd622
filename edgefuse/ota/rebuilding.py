"""Parts become blobs: whole files as they are, others from a delta and a blob that is here."""

from __future__ import annotations

from collections.abc import Iterable

from edgefuse.config.manifest import ModelFile
from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.ota.parts import Part, list_parts, sync_parts
from edgefuse.store.store import Store


def rebuild_files(store: Store, files: Iterable[ModelFile]) -> None:
    """Make blobs of what was fetched, and make sure that they stay, whoever made them, before their parts go.

    A part that is no use goes too, and the other files are made all the same.

    Raises:
        StoreError: A file was not fetched, or its part does not lead to it; or the disk is full or cannot be written.
    """
    parts = {part.sha256: part for part in list_parts(store)}
    failures = []
    for file in files:
        part = parts.get(file.sha256)
        try:
            if not store.has(file.sha256):
                _rebuild(store, part, file)
            store.sync([file.sha256])
        except EdgefuseError as e:
            failures.append(str(e))
        if part is not None:
            part.remove()
    sync_parts(store)
    if failures:
        raise StoreError("\n".join(failures))


def _rebuild(store: Store, part: Part | None, file: ModelFile) -> None:
    if part is None:
        raise StoreError(f"cannot keep {file.name}: it was not fetched")
    if part.base_sha256 is None:
        store.adopt(part.path, file)
        return
    from edgefuse.ota.delta import add_rebuilt  # and with it numpy, which nothing else of the helper needs

    add_rebuilt(store, part.base_sha256, part.path, file)
