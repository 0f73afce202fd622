"""A unit on which all is real, from a signed repository to the worker's frames; only its models may be made up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from fakes.release_site import Site
from fakes.supervisor import write_site
from fakes.tried import FAKE_PROFILE, PROFILE, TriedUnit
from fakes.updating_unit import WishingUnit

from edgefuse.config.manifest import Manifest, ModelFile
from edgefuse.factory.built import write_built
from edgefuse.factory.recipe import without_paths
from edgefuse.store.release import Release, make_current, save_release
from edgefuse.store.store import Store


class Publisher:
    """Publishes releases of made-up models, or of shipped ones."""

    def __init__(self, folder: Path, shared: Path) -> None:
        """Make a site below ``folder``; shipped models come from the root ``shared``."""
        self.site = Site(folder / "site")
        self.site.start()
        self._maker = TriedUnit(folder / "maker", shared)
        self._shared = Store(shared / "var/lib/edgefuse/store")
        self._counter = 1

    def describe(self, **flaws: object) -> tuple[Manifest, ...]:
        """Give a detector with flaws, see ``edgefuse.runtimes.fake``, and a tracker; they see nobody."""
        return self._maker.fake_model("detect_faces", **flaws), self._maker.fake_model("track_faces")

    def publish(self, release_id: str, manifests: Sequence[Manifest], **settings: dict[str, str]) -> Release:
        """Build, sign and publish a release."""
        self._counter += 1
        release = Release(id=release_id, counter=self._counter, manifests=tuple(manifests), settings=settings)
        self._keep(release)
        folder = self.site.folder / f"whole-{release_id}"
        write_built(folder, without_paths(release), self._maker.store, [])
        self.site.sign_built(folder)
        self.site.publish()
        return release

    def install_first(self, root: Path, manifests: Sequence[Manifest]) -> None:
        """Let a release run on a unit as if it had been there for ever."""
        release = without_paths(Release(id="first", counter=1, manifests=tuple(manifests)))
        self._keep(release)
        store = Store(root / "var/lib/edgefuse/store")
        for file in _files(release):
            if not store.has(file.sha256):
                store.add_file(self._maker.store.path(file.sha256))
        save_release(store, release)
        make_current(store, "first")

    def _keep(self, release: Release) -> None:
        for file in _files(release):
            if not self._maker.store.has(file.sha256):
                self._maker.store.add_file(self._shared.path(file.sha256))


class WholeUnit(WishingUnit):
    """The unit."""

    def __init__(
        self, root: Path, shared: Path, publisher: Publisher, first: Sequence[Manifest], *, source: str, anchor: Path
    ) -> None:
        """Set it up with its first release, and start it.

        Args:
            root: In force from now on.
            shared: Root with what is known of shipped models.
            publisher: Of its releases.
            first: Models of its first release.
            source: Where frames come from.
            anchor: Root file of whom it trusts.
        """
        TriedUnit(root, shared)
        publisher.install_first(root, first)
        (root / "etc/edgefuse/root.json").write_bytes(anchor.read_bytes())
        is_made_up = all(manifest.id.startswith("fake") for manifest in first)
        updates = {"repository": str(publisher.site.published), "reserve_mb": 64}
        write_site(source, profile=FAKE_PROFILE if is_made_up else PROFILE, effect="anonymise", updates=updates)
        super().__init__(root)


def shipped_models(release: Release, store: Store) -> tuple[Manifest, ...]:
    """Give the models of the main job with the variants that are in a store."""
    models = [m for m in release.manifests if m.task in ("detect_faces", "track_faces")]
    kept = [msgspec.structs.replace(m, variants=tuple(v for v in m.variants if store.has_variant(v))) for m in models]
    return tuple(manifest for manifest in kept if manifest.variants)


def _files(release: Release) -> list[ModelFile]:
    return [file for manifest in release.manifests for variant in manifest.variants for file in variant.files]
