"""An operator's site with a vault and what it publishes, a device that trusts it, and ways to forge that."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fakes.model_files import model_file
from fakes.planned import add_fake_variant, make_manifest
from tuf.api.metadata import Key, Metadata, Targets

from edgefuse import clock
from edgefuse.config.manifest import Variant
from edgefuse.factory.bases import list_pairs, make_deltas
from edgefuse.factory.built import write_built
from edgefuse.factory.ceremony import init_vault
from edgefuse.factory.keyring import Keyring
from edgefuse.factory.publishing import publish, sign_timestamp
from edgefuse.factory.recipe import without_paths
from edgefuse.factory.signing import sign_release
from edgefuse.factory.vault import Vault, changing
from edgefuse.ota.fetching import FolderFetcher, Transport
from edgefuse.ota.refusal import TrustError
from edgefuse.ota.repository import Repository
from edgefuse.ota.trust import open_repository
from edgefuse.store.release import Release
from edgefuse.store.store import Store

PIN = "2468"
"""Of the token that tests have."""


def refuse_pin(purpose: str) -> str:
    """No key of these tests is in a token, unless they bring a PIN."""
    raise AssertionError(f"nobody was to be asked for a {purpose}")


def make_blanks(change: int = 0) -> bytes:
    """Give whitespace that no tool makes small, 16 kB of it; the last kB is different for each change."""
    kept, changed = (
        random.Random(0).choices(b" \t\r\n", k=15 << 10),
        random.Random(change).choices(b" \t\r\n", k=1 << 10),
    )
    return bytes(kept + changed)


@dataclass(frozen=True, slots=True)
class Site:
    """All that one operator has, below one folder."""

    folder: Path

    @property
    def vault(self) -> Path:
        return self.folder / "vault"

    @property
    def store(self) -> Store:
        """Where the operator's models lie."""
        return Store(self.folder / "store")

    @property
    def published(self) -> Path:
        """The folder that a web server would serve."""
        return self.folder / "published"

    @property
    def metadata(self) -> Path:
        return self.published / "metadata"

    @property
    def anchor(self) -> Path:
        """The first root file, which devices were given."""
        return self.vault / "metadata/1.root.json"

    @property
    def keyring(self) -> Keyring:
        return Keyring((self.vault / "keys",), refuse_pin)

    def start(self) -> None:
        """Make the vault, and publish release ``one``."""
        init_vault(self.vault, self.keyring)
        self.release("one", 1, "a")

    def release(self, release_id: str, counter: int, *variants: str | Variant, **keys: object) -> Release:
        """Build, sign and publish a release of a detector with these variants; ``keys`` are those of ``build``."""
        release = self.sign(release_id, counter, *variants, **keys)
        self.publish()
        return release

    def sign(self, release_id: str, counter: int, *variants: str | Variant, **keys: object) -> Release:
        """Build and sign a release."""
        return self.sign_built(self.build(release_id, counter, *variants, **keys)[1])

    def sign_built(self, folder: Path) -> Release:
        """Sign what was built."""
        with self.changing() as vault:
            return sign_release(vault, folder)

    def build(
        self, release_id: str, counter: int, *variants: str | Variant, bases: Iterable[Release] = (), **keys: object
    ) -> tuple[Release, Path]:
        """Build a release, with tiny models for the ``fake`` runtime, and with deltas from other releases."""
        store = self.store
        made = [add_fake_variant(store, variant) if isinstance(variant, str) else variant for variant in variants]
        manifests = (make_manifest("finder", "detect_faces", *made),)
        release = without_paths(Release(id=release_id, counter=counter, manifests=manifests, **keys))
        folder = self.folder / f"built-{release_id}"
        deltas = [delta for pair in list_pairs(release, bases) for delta in make_deltas(pair, store)]
        write_built(folder, release, store, deltas)
        return release, folder

    @contextmanager
    def changing(self) -> Iterator[Vault]:
        """Change the vault, and write what was signed."""
        with changing(self.vault, self.keyring) as vault:
            yield vault
            vault.write()

    def publish(self) -> None:
        with self.changing() as vault:
            publish(vault, self.published)

    def keep(self, name: str) -> Path:
        """Give a copy of what is published now, as an attacker keeps one."""
        return Path(shutil.copytree(self.published, self.folder / name))

    def forge(self, role: str, change: Callable[[Any], object], *keys: Key, version: int | None = None) -> None:
        """Change published metadata and sign it with keys of the vault, or as it was before.

        Args:
            role: Whose newest metadata is changed.
            change: Changes the signed part in place.
            keys: That sign; without any, the old signatures stay and no longer fit.
            version: Of the file, where it is not the same.
        """
        paths = self.metadata.glob(f"*.{role}.json") if role != "timestamp" else [self.metadata / "timestamp.json"]
        path = max(paths, key=lambda path: (len(path.name), path.name))
        metadata = Metadata[Any].from_file(str(path))
        change(metadata.signed)
        if keys:
            metadata.signatures.clear()
        for key in keys:
            signer = self.keyring.find(key)
            assert signer is not None, "the vault of a test has all of its keys"
            metadata.sign(signer, append=True)
        if version is not None:
            path = path.with_name(f"{version}.{role}.json")
        path.write_bytes(metadata.to_bytes())

    def forge_list(self, role: str, change: Callable[[Targets], object]) -> None:
        """Publish another list of a role under good signatures, as who has stolen its key and the online ones."""
        with self.changing() as vault:
            targets = vault.load(role, Targets)
            change(targets)
            vault.sign(role, targets)
            vault.sign_snapshot()
        for path in (self.vault / "metadata").iterdir():
            shutil.copy(path, self.metadata)
        sign_timestamp(self.published, self.keyring)

    def keys_of(self, role: str) -> tuple[Key, ...]:
        return Vault(self.vault, self.keyring).keys_of(role)


@dataclass(frozen=True, slots=True)
class Device:
    """A device that trusts a site, with a store and a memory of its own."""

    folder: Path
    anchor: Path

    @property
    def state(self) -> Path:
        return self.folder / "trust/known.json"

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    @contextmanager
    def open(self, source: Path | Transport, now: datetime | None) -> Iterator[Repository]:
        """Trust what a folder has, or what a fetcher brings."""
        fetcher = FolderFetcher(source) if isinstance(source, Path) else source
        with open_repository(self.anchor, self.state, fetcher, now) as repository:
            yield repository

    def install(self, source: Path | Transport, release_id: str, now: datetime | None = None) -> Release:
        """Fetch all of a release; without a time, at that of this machine."""
        with self.open(source, now or clock.wall_now()) as repository:
            release = repository.load_release(release_id)
            for manifest in release.manifests:
                for variant in manifest.variants:
                    for file in variant.files:
                        self.store.add(repository.read_file(manifest.task, file), file)
        return release

    def look(self, source: Path, release_id: str) -> None:
        """Verify all metadata that a release needs, and keep no file of it."""
        with self.open(source, clock.wall_now()) as repository:
            release = repository.load_release(release_id)
            for manifest in release.manifests:
                repository.read_file(manifest.task, manifest.variants[0].files[0])

    def look_at_metadata(self, source: Path) -> None:
        """Verify and keep the metadata of descriptions and detectors, whatever it says."""
        with self.open(source, clock.wall_now()) as repository, suppress(TrustError):
            repository.load_release("none")
        with self.open(source, clock.wall_now()) as repository, suppress(TrustError):
            repository.read_file("detect_faces", model_file(b"nobody has this"))

    def content(self) -> dict[str, bytes]:
        """Give every file that a device has, but for locks."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "lock")
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in sorted(files)}
