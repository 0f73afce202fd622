"""``edgefuse release inspect | diff``: what a release is, and what it changes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from edgefuse.cli._release_actions import RELEASE_WORD, add_action, count_deltas, find_release
from edgefuse.cli._unit import format_table
from edgefuse.cli._words import show_count
from edgefuse.config.profile import load_profiles
from edgefuse.factory.built import Delta, list_deltas, list_parts
from edgefuse.factory.difference import BoardDifference, Difference, compare, list_terms
from edgefuse.store.release import Release, encode_release

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions


def add_actions(actions: Actions) -> None:
    """Add what shows releases."""
    inspect = add_action(actions, "inspect", "show what a release consists of", "inspect summer", _inspect)
    inspect.add_argument("release", metavar="RELEASE", help=RELEASE_WORD)
    inspect.add_argument("--json", action="store_true", help="print its description")

    about = "show what a release changes on which board, and how much each will fetch"
    diff = add_action(actions, "diff", about, "diff 0 summer", _diff)
    diff.add_argument("before", metavar="A", help=RELEASE_WORD)
    diff.add_argument("after", metavar="B", help="likewise; deltas that were built with it count")
    diff.add_argument("--json", action="store_true", help="print JSON")


def _inspect(options: argparse.Namespace) -> int:
    release = find_release(options.release)
    deltas = list_deltas(Path(options.release), release)
    print(encode_release(release).decode() if options.json else describe(release, deltas))
    return 0


def describe(release: Release, deltas: Sequence[Delta]) -> str:
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
    if deltas:
        lines += ["", count_deltas(deltas), format_table(list(_list_deltas(deltas)))]
    return "\n".join(lines)


def _describe_terms(release: Release) -> Iterator[str]:
    for name, term in list_terms(release).items():
        terms = msgspec.to_builtins(term)
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


def _list_deltas(deltas: Sequence[Delta]) -> Iterator[tuple[str, ...]]:
    yield ("delta to", "from", "bytes", "of the file")
    for delta in deltas:
        file = delta.part.file
        share = f"{delta.size_bytes / file.size_bytes:.1%}"
        yield (file.name, delta.base_sha256[:12], f"{delta.size_bytes:,}", share)


def _diff(options: argparse.Namespace) -> int:
    before, after = find_release(options.before), find_release(options.after)
    deltas = list_deltas(Path(options.after), after)
    sizes = {(delta.part.file.sha256, delta.base_sha256): delta.size_bytes for delta in deltas}
    difference = compare(before, after, load_profiles().values(), sizes)
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
    saving = board.fetch_bytes - board.delta_fetch_bytes
    by_deltas = f", or {show_count(board.delta_fetch_bytes, 'byte')} with deltas" if saving else ""
    yield f"fetches {show_count(board.fetch_bytes, 'byte')}{by_deltas}"
