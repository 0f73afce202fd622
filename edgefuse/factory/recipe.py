"""What an operator writes to have a release built (YAML), and the release that it describes.

The same recipe and manifests give the same release on every machine: nothing of time, folder or builder goes in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from edgefuse import paths
from edgefuse.config import document, loader
from edgefuse.config.manifest import Manifest, ModelFile, Source, Variant, load_manifests
from edgefuse.errors import ConfigError
from edgefuse.ota.places import file_place
from edgefuse.store.board_settings import Boards
from edgefuse.store.release import SHIPPED_ID, Release, ReleaseId
from edgefuse.store.terms import Constraints, Gates


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall go live together, and under which terms."""

    id: ReleaseId
    counter: Annotated[int, msgspec.Meta(ge=1)]
    """One more than that of the release before; what ships with edgefuse has 0."""
    models: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """Ids of models that edgefuse ships, or manifests: paths that end with ``.yaml``, from this file's folder on."""
    has_converted: bool = True
    """With the variants that no package has, because ``tools/convert`` makes them."""
    settings: dict[str, dict[str, str]] = {}
    """Stage options by stage and key."""
    boards: Boards = {}
    """Operating points and limits of temperature by profile."""
    gates: Gates = Gates()
    constraints: Constraints = Constraints()


def load_recipe(path: Path) -> Recipe:
    """Load a recipe.

    Raises:
        ConfigError: The file cannot be read or does not fit; one line a mistake.
    """
    return loader.parse(document.read_text(path), Recipe, document.show_path(path))


def make_release(recipe: Recipe, folder: Path) -> Release:
    """Put the release together; its files still come from where their manifests say.

    Args:
        recipe: What it consists of.
        folder: Where its paths begin.

    Raises:
        ConfigError: A model is not there, is there twice, or does not go with another one; or devices have a release
            of that id from the start.
    """
    if recipe.id == SHIPPED_ID:
        raise ConfigError(f"cannot make release {recipe.id}: what ships with edgefuse is called so; choose another id")
    shipped = {manifest.id: manifest for manifest in load_manifests(paths.manifest_dir())}
    manifests = sorted((_load(word, folder, shipped) for word in recipe.models), key=lambda manifest: manifest.id)
    if not recipe.has_converted:
        manifests = [_without_converted(manifest) for manifest in manifests]
    ids = [manifest.id for manifest in manifests]
    if twice := sorted({model for model in ids if ids.count(model) > 1}):
        raise ConfigError(f"cannot make release {recipe.id}: it has {', '.join(twice)} twice")
    release = Release(
        id=recipe.id,
        counter=recipe.counter,
        manifests=tuple(manifests),
        settings=recipe.settings,
        boards=recipe.boards or msgspec.UNSET,
        gates=recipe.gates,
        constraints=recipe.constraints,
    )
    _check_embedders(release)
    return release


def _load(word: str, folder: Path, shipped: dict[str, Manifest]) -> Manifest:
    if word.endswith(".yaml"):
        return loader.load_file(folder / word, Manifest)
    if word not in shipped:
        raise ConfigError(
            f"cannot find model '{word}': edgefuse ships {', '.join(shipped)}; a manifest of your own ends with .yaml"
        )
    return shipped[word]


def _without_converted(manifest: Manifest) -> Manifest:
    """Leave out what only ``tools/convert`` makes.

    Raises:
        ConfigError: Nothing else is there.
    """
    kept = tuple(variant for variant in manifest.variants if not is_converted(variant))
    if not kept:
        raise ConfigError(f"cannot use model '{manifest.id}' without `has_converted`: all its variants are converted")
    return msgspec.structs.replace(manifest, variants=kept)


def is_converted(variant: Variant) -> bool:
    """Tell whether a file of a variant is in no package, because ``tools/convert`` makes it."""
    return any(file.source.kind == "converted_from" for file in variant.files)


def _check_embedders(release: Release) -> None:
    """Refuse embedders whose numbers cannot be compared: a gallery fits one space."""
    embedders = [manifest for manifest in release.manifests if manifest.task == "embed_faces"]
    if nameless := [manifest.id for manifest in embedders if manifest.embedding_space is None]:
        raise ConfigError(f"cannot make release {release.id}: {nameless[0]} does not name its `embedding_space`")
    if len(release.embedding_spaces) > 1:
        spaces = ", ".join(f"{m.id} {m.embedding_space}" for m in release.manifests if m.embedding_space is not None)
        raise ConfigError(
            f"cannot make release {release.id}: its embedders do not share a space ({spaces}), and a gallery fits one"
        )


def without_paths(release: Release) -> Release:
    """Give a release that says nothing of the builder's disk: such files come with the release alone."""
    manifests = (
        msgspec.structs.replace(manifest, variants=tuple(_without_paths(v, manifest) for v in manifest.variants))
        for manifest in release.manifests
    )
    return msgspec.structs.replace(release, manifests=tuple(manifests))


def _without_paths(variant: Variant, manifest: Manifest) -> Variant:
    return msgspec.structs.replace(variant, files=tuple(_rename(file, manifest.task) for file in variant.files))


def _rename(file: ModelFile, task: str) -> ModelFile:
    if file.source.kind != "file":
        return file
    return msgspec.structs.replace(file, source=Source(release=file_place(task, file.sha256)))
