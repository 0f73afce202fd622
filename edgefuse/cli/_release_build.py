"""``edgefuse release build | golden``: making a release, and proving it before anybody signs it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml
from tqdm import tqdm

from edgefuse import disk
from edgefuse.cli._download import DownloadBars
from edgefuse.cli._release_actions import RELEASE_WORD, add_action, count_deltas, find_release
from edgefuse.cli._unit import probing_bar
from edgefuse.cli._words import show_count
from edgefuse.config import loader
from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Manifest, ModelFile
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.factory.built import Delta, list_deltas, list_parts, need_empty, write_built
from edgefuse.factory.promise import make_golden
from edgefuse.factory.proving import (
    Check,
    boards_for,
    check_boards,
    check_limits,
    check_promises,
    check_settings,
    list_checks,
)
from edgefuse.factory.recipe import is_converted, load_recipe, make_release, without_paths
from edgefuse.planning.probe import probe_runtimes
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.release import Release
from edgefuse.store.store import Store, open_store

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions


def add_actions(actions: Actions) -> None:
    """Add what makes releases."""
    build = add_action(
        actions, "build", "make a release and prove it", "build summer.yaml summer --bases spring", _build
    )
    build.add_argument("recipe", metavar="RECIPE", type=Path, help="what it consists of (docs/releases.md)")
    build.add_argument("folder", metavar="FOLDER", type=Path, help="to make")
    about = f"what devices may have: deltas are made from its files; {RELEASE_WORD}"
    build.add_argument("--bases", metavar="RELEASE", nargs="+", default=[], help=about)

    about = "print golden values for the variants of a manifest that have none, as a runtime here gives them"
    golden = add_action(actions, "golden", about, "golden door.yaml", _golden)
    golden.add_argument("manifest", metavar="MANIFEST", type=Path)


def _build(options: argparse.Namespace) -> int:
    need_empty(options.folder)
    release = make_release(load_recipe(options.recipe), options.recipe.parent)
    boards = boards_for(release)
    check_limits(release, boards)
    check_boards(release, boards)
    check_promises(release)
    check_settings(release)
    store = open_store()
    _need_converted(release, store)
    bases = [_take_in(word, store) for word in options.bases]
    _fetch(store, (part.file for part in list_parts(release)))
    checks = list(list_checks(release, _probe()))
    _prove(release, checks, store)
    write_built(options.folder, without_paths(release), store, _make_deltas(release, bases, store))
    size_bytes = sum(part.file.size_bytes for part in list_parts(release))
    size, reach = show_count(size_bytes, "byte"), show_count(len(boards), "board")
    print(f"built release {release.id} in {options.folder}: {size}, for {reach}")
    if bases:
        print(count_deltas(list_deltas(options.folder, release)))
    proven = {(check.manifest.id, check.variant.id) for check in checks}
    for manifest in release.manifests:
        for variant in manifest.variants:
            if (manifest.id, variant.id) not in proven:
                print(f"not run: {manifest.id} {variant.id}, as no runtime here reads it")
    print(f"{show_count(len(checks), 'check')} of golden values passed")
    return 0


def _need_converted(release: Release, store: Store) -> None:
    """Say at once what would be missed after everything else was fetched.

    Raises:
        ConfigError: Variants that ``tools/convert`` makes are not in the store.
    """
    parts = ((manifest.id, variant) for manifest in release.manifests for variant in manifest.variants)
    missing = [f"{id} {v.id}" for id, v in parts if is_converted(v) and not store.has_variant(v)]
    if missing:
        raise ConfigError(
            f"cannot build release {release.id}: no package has {', '.join(missing)}; make them with tools/convert, or "
            "leave such variants out with `has_converted: false` in the recipe"
        )


def _fetch(store: Store, files: Iterable[ModelFile]) -> None:
    """Have files in the store.

    Raises:
        FetchError: One cannot be had.
    """
    with DownloadBars() as bars, open_fetcher(store, bars.show) as fetcher:
        for file in files:
            fetcher.fetch(file)


def _probe() -> tuple[RuntimeFact, ...]:
    with probing_bar() as bar:
        return probe_runtimes(None, 1, lambda _: bar.update())


def _prove(release: Release, checks: Iterable[Check], store: Store) -> None:
    """Run every check.

    Raises:
        EdgefuseError: Some failed; all are named.
    """
    bar = tqdm(list(checks), desc="checking", unit="variant", disable=None, leave=False)
    failures = [f"  {check.name}: {failure}" for check in bar if (failure := check.run(store))]
    if failures:
        raise EdgefuseError("\n".join([f"cannot build release {release.id}: its golden check fails", *failures]))


def _make_deltas(release: Release, bases: Sequence[Release], store: Store) -> list[tuple[Delta, bytes]]:
    """Make the deltas to a release, and show how far that is.

    Raises:
        FetchError: A file of another release cannot be had.
        StoreError: A file is damaged.
        EdgefuseError: HDiffPatch is not installed.
    """
    from edgefuse.factory.bases import list_pairs, make_deltas  # loads numpy

    deltas: list[tuple[Delta, bytes]] = []
    pairs = list_pairs(release, bases)
    _fetch(store, (file for pair in pairs for file in pair.base.files))
    size_bytes = sum(pair.size_bytes for pair in pairs)
    with tqdm(total=size_bytes, unit="B", unit_scale=True, desc="making deltas", disable=None, leave=False) as bar:
        for pair in pairs:
            deltas += make_deltas(pair, store)
            bar.update(pair.size_bytes)
    return deltas


def _take_in(word: str, store: Store) -> Release:
    """Load a release, and have in the store what lies in its folder."""
    release = find_release(word)
    for part in list_parts(release):
        path = Path(word) / part.place
        if path.exists() and not store.has(part.file.sha256):
            store.add(disk.read_chunks(path), part.file)
    return release


def _golden(options: argparse.Namespace) -> int:
    manifest = loader.load_file(options.manifest, Manifest)
    incomplete = [v for v in manifest.variants if any(output.name not in v.golden for output in v.outputs)]
    store = open_store()
    _fetch(store, (file for variant in incomplete for file in variant.files))
    facts = [fact for fact in _probe() if fact.is_usable] if incomplete else []
    for variant in incomplete:
        able = [fact for fact in facts if variant.format in fact.formats]
        if not able:
            raise EdgefuseError(f"cannot run {manifest.id} {variant.id}: no runtime here reads {variant.format}")
        fact = min(able, key=lambda fact: len(fact.formats))  # who reads few formats reads them as they are meant
        golden = msgspec.to_builtins(make_golden(variant, fact, store))
        print(f"# {variant.id}, by {fact.id} {fact.version}: put this below the variant once you know that it works")
        print(yaml.safe_dump({"golden": golden}, default_flow_style=None, width=110, sort_keys=False), end="")
    if not incomplete:
        print(f"every variant of {manifest.id} has golden values")
    return 0
