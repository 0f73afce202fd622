"""Parts become blobs: whole files as they are, others from a delta and a blob that is here."""

from __future__ import annotations

from collections.abc import Iterable

from edgefuse.config.manifest import ModelFile
from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.ota.parts import Part, list_parts, sync_parts
from edgefuse.store.store import Store


def rebuild_missing(store: Store, missing: Iterable[ModelFile]) -> None:
    """Make blobs of what was fetched; a part that is no use goes, and the others are made all the same.

    Raises:
        StoreError: A part is missing, or does not lead to its file; or the disk is full or cannot be written.
    """
    parts = {part.sha256: part for part in list_parts(store)}
    failures = []
    for file in missing:
        part = parts.get(file.sha256)
        if part is None:
            failures.append(f"cannot keep {file.name}: it was not fetched")
            continue
        try:
            _rebuild(store, part, file)
        except EdgefuseError as e:
            failures.append(str(e))
        part.remove()
    sync_parts(store)
    if failures:
        raise StoreError("\n".join(failures))


def _rebuild(store: Store, part: Part, file: ModelFile) -> None:
    if part.base_sha256 is None:
        store.adopt(part.path, file)
        return
    from edgefuse.ota.delta import add_rebuilt  # and with it numpy, which nothing else of the helper needs

    add_rebuilt(store, part.base_sha256, part.path, file)
