"""``edgefuse release build | inspect | diff | golden``: what a release is, before anybody signs it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml
from tqdm import tqdm

from edgefuse.cli._download import DownloadBars
from edgefuse.cli._release_actions import add_action
from edgefuse.cli._unit import format_table, probing_bar
from edgefuse.cli._words import show_count
from edgefuse.config import loader
from edgefuse.config.host import RuntimeFact
from edgefuse.config.manifest import Manifest, ModelFile
from edgefuse.config.profile import load_profiles
from edgefuse.errors import EdgefuseError, StoreError
from edgefuse.factory.built import DESCRIPTION, list_parts, load_built, write_built
from edgefuse.factory.difference import BoardDifference, Difference, compare
from edgefuse.factory.promise import make_golden
from edgefuse.factory.proving import Check, boards_for, check_boards, check_promises, check_settings, list_checks
from edgefuse.factory.recipe import load_recipe, make_release, without_paths
from edgefuse.planning.probe import probe_runtimes
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.release import Release, current_release, encode_release, load_release
from edgefuse.store.store import Store, open_store

if TYPE_CHECKING:
    from edgefuse.cli._release_actions import Actions


def add_actions(actions: Actions) -> None:
    """Add what makes and shows releases."""
    build = add_action(actions, "build", "make a release and prove it", "build summer.yaml summer", _build)
    build.add_argument("recipe", metavar="RECIPE", type=Path, help="what it consists of (docs/releases.md)")
    build.add_argument("folder", metavar="FOLDER", type=Path, help="to make")

    inspect = add_action(actions, "inspect", "show what a release consists of", "inspect summer", _inspect)
    inspect.add_argument("release", metavar="RELEASE", help=_WORD)
    inspect.add_argument("--json", action="store_true", help="print its description")

    about = "show what a release changes on which board, and how much each will fetch"
    diff = add_action(actions, "diff", about, "diff 0 summer", _diff)
    diff.add_argument("before", metavar="A", help=_WORD)
    diff.add_argument("after", metavar="B", help="likewise")
    diff.add_argument("--json", action="store_true", help="print JSON")

    about = "print golden values for the variants of a manifest that have none, as a runtime here gives them"
    golden = add_action(actions, "golden", about, "golden door.yaml", _golden)
    golden.add_argument("manifest", metavar="MANIFEST", type=Path)


_WORD = "folder of one that was built, or id of one in this machine's store (0 is what edgefuse ships)"


def _build(options: argparse.Namespace) -> int:
    release = make_release(load_recipe(options.recipe), options.recipe.parent)
    boards = boards_for(release)
    check_boards(release, boards)
    check_promises(release)
    check_settings(release)
    store = open_store()
    _fetch(store, (part.file for part in list_parts(release)))
    checks = list(list_checks(release, _probe()))
    _prove(release, checks, store)
    write_built(options.folder, without_paths(release), store)
    size_bytes = sum(part.file.size_bytes for part in list_parts(release))
    print(f"built release {release.id} in {options.folder}: {show_count(size_bytes, 'byte')}, for {len(boards)} boards")
    proven = {check.variant.id + check.manifest.id for check in checks}
    for manifest in release.manifests:
        for variant in manifest.variants:
            if variant.id + manifest.id not in proven:
                print(f"not run: {manifest.id} {variant.id}, as no runtime here reads it")
    print(f"{show_count(len(checks), 'check')} of golden values passed")
    return 0


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


def _load(word: str) -> Release:
    """Load a release by its folder or its id.

    Raises:
        StoreError: There is none.
    """
    if (Path(word) / DESCRIPTION).exists():
        return load_built(Path(word))
    store = open_store()
    current_release(store)  # what ships with the package lies in the store from the first use on
    try:
        return load_release(store, word)
    except StoreError as e:
        raise StoreError(
            f"cannot find release '{word}': no folder of that name has one, nor has the store ({e})"
        ) from e


def _inspect(options: argparse.Namespace) -> int:
    release = _load(options.release)
    print(encode_release(release).decode() if options.json else describe(release))
    return 0


def describe(release: Release) -> str:
    """Give a release as people read it."""
    size_bytes = sum(part.file.size_bytes for part in list_parts(release))
    lines = [
        f"release {release.id}, counter {release.counter}: {show_count(len(release.manifests), 'model')}, "
        f"{show_count(size_bytes, 'byte')}",
        f"embedding space: {', '.join(release.embedding_spaces) or 'none'}",
        *_describe_terms(release),
        "",
        format_table(list(_rows(release))),
    ]
    return "\n".join(lines)


def _describe_terms(release: Release) -> Iterator[str]:
    for name in ("settings", "gates", "constraints"):
        terms = msgspec.to_builtins(getattr(release, name))
        said = {key: value for key, value in terms.items() if value not in (None, [], {}, ())}
        text = yaml.safe_dump(said, default_flow_style=True, width=1 << 16, sort_keys=False).strip() if said else "none"
        yield f"{name}: {text}"


def _rows(release: Release) -> Iterator[tuple[str, ...]]:
    yield ("task", "model", "variant", "format", "px", "bytes", "golden values", "licence")
    for manifest in release.manifests:
        for variant in manifest.variants:
            golden = sum(len(output.values) for output in variant.golden.values())
            size = f"{sum(file.size_bytes for file in variant.files):,}"
            row = (manifest.task, manifest.id, variant.id, variant.format, str(variant.size_px), size, str(golden))
            yield (*row, manifest.licence.id)


def _diff(options: argparse.Namespace) -> int:
    difference = compare(_load(options.before), _load(options.after), load_profiles().values())
    text = msgspec.json.format(msgspec.json.encode(difference), indent=1).decode()
    print(text if options.json else describe_difference(difference))
    return 0


def describe_difference(difference: Difference) -> str:
    """Give what a release changes as people read it; boards on which it changes the same share a paragraph."""
    lines = [f"from release {difference.before} to {difference.after}", *difference.terms]
    alike: dict[tuple[str, ...], list[str]] = {}
    for board in difference.boards:
        alike.setdefault(tuple(_describe_board(board)), []).append(board.profile)
    for paragraph, profiles in alike.items():
        lines += ["", f"{', '.join(profiles)}:", *(f"  {line}" for line in paragraph)]
    return "\n".join(lines)


def _describe_board(board: BoardDifference) -> Iterator[str]:
    if board.obstacle:
        yield f"does not go there: {board.obstacle}"
        return
    for change in board.changes:
        yield f"{change.task} at {change.size_px} px: {change.before or 'nothing'} -> {change.after or 'nothing'}"
    if not board.changes:
        yield "the same models run"
    yield f"fetches {show_count(board.fetch_bytes, 'byte')}"


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
