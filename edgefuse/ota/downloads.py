"""What is missing here of a release comes from a repository: the files, or smaller deltas whose bases are here.

Nothing of it is a blob before REBUILD, so what there is to fetch, and how much of it has come, stays the same however
often fetching is interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from edgefuse import clock
from edgefuse.errors import StoreError
from edgefuse.ota.needs import NeededFile
from edgefuse.ota.parts import Part, keep_parts, parts_folder, sync_parts
from edgefuse.ota.refusal import AbsentError, TrustError
from edgefuse.ota.repository import Repository
from edgefuse.store.store import Store

TOLD_EVERY_NS = clock.NS_PER_S // 2

OnProgress = Callable[[int, int], None]
"""Told how many bytes have come, of how many."""


@dataclass(frozen=True, slots=True)
class _Download:
    """What is fetched for one file."""

    name: str
    part: Part
    size_bytes: int
    read_rest: Callable[[Iterable[bytes]], Iterator[bytes]]
    """Given what is here of it, gives the rest."""

    def run(self, on_bytes: Callable[[int], None]) -> None:
        """Bring it.

        Raises:
            TrustError: A file is not what was signed.
            FetchError: It cannot be had now; what has come stays.
            StoreError: The disk is full or cannot be written; or a delta is no use, and the whole file is.
        """
        try:
            self._fetch(on_bytes)
        except (TrustError, AbsentError) as e:
            if self.part.base_sha256 is None:
                raise
            raise StoreError(f"cannot use a delta to {self.name}: {e}") from e

    def _fetch(self, on_bytes: Callable[[int], None]) -> None:
        """Fetch what is missing; what turns out to be another file is fetched once more, from its beginning."""
        is_begun = self.part.size_bytes > 0
        try:
            self.part.append(self.read_rest(self.part.read()), on_bytes)
        except TrustError:
            on_bytes(-self.part.size_bytes)
            self.part.remove()
            if not is_begun:
                raise
        else:
            return
        self._fetch(on_bytes)


class _Progress:
    """Counts, and tells twice a second."""

    def __init__(self, done_bytes: int, total_bytes: int, tell: OnProgress) -> None:
        self._done_bytes, self._total_bytes, self._tell = done_bytes, total_bytes, tell
        self._due_ns = clock.now_ns() + TOLD_EVERY_NS
        self.tell()

    def add(self, count: int) -> None:
        self._done_bytes += count
        if (now_ns := clock.now_ns()) >= self._due_ns:
            self._due_ns = now_ns + TOLD_EVERY_NS
            self.tell()

    def tell(self) -> None:
        self._tell(self._done_bytes, self._total_bytes)


def fetch_missing(
    repository: Repository, store: Store, missing: Iterable[NeededFile], tell: OnProgress, *, allows_deltas: bool
) -> None:
    """Bring what is missing into parts, and make sure that it stays; other parts go.

    Raises:
        TrustError: Something is not what was signed.
        FetchError: Something cannot be had now; what has come stays.
        StoreError: The disk is full or cannot be written; or a delta is no use, and the whole file is.
    """
    downloads = [_choose(repository, store, needed, allows_deltas=allows_deltas) for needed in missing]
    wanted = {download.part for download in downloads}
    keep_parts(store, lambda part: part in wanted)
    progress = _Progress(
        sum(part.size_bytes for part in wanted), sum(download.size_bytes for download in downloads), tell
    )
    for download in downloads:
        download.run(progress.add)
    sync_parts(store)
    progress.tell()


def _choose(repository: Repository, store: Store, needed: NeededFile, *, allows_deltas: bool) -> _Download:
    """Give the smallest delta that can be used here, else the whole file."""
    file, folder = needed.file, parts_folder(store)
    deltas = repository.list_deltas(needed.task, file) if allows_deltas else ()
    for delta in deltas:
        if store.has(delta.base_sha256):
            part = Part(folder, file.sha256, delta.base_sha256)
            return _Download(file.name, part, delta.size_bytes, partial(repository.read_delta, delta))
    read_rest = partial(repository.read_file, needed.task, file)
    return _Download(file.name, Part(folder, file.sha256), file.size_bytes, read_rest)
