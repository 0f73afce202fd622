"""``edgefuse models``: what models this machine holds, getting them, and checking them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from tqdm import tqdm

from edgefuse.cli._download import DownloadBars
from edgefuse.cli._unit import format_table
from edgefuse.command import Command
from edgefuse.config.manifest import Manifest, Variant
from edgefuse.errors import FetchError, StoreError
from edgefuse.store.fetch import Fetcher, open_fetcher
from edgefuse.store.release import Release, current_release
from edgefuse.store.store import Store, open_store


@dataclass(frozen=True, slots=True)
class Row:
    """One variant, as ``list`` tells it."""

    model: str
    task: str
    variant: str
    format: str
    precision: str
    size_px: int
    size_bytes: int
    licence: str
    is_optional: bool
    is_in_store: bool


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="show every model of the current release and whether it is here")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(action=_list)

    fetching = actions.add_parser("fetch", help="get what is missing; without a MODEL, all that the main job needs")
    fetching.add_argument("models", metavar="MODEL", nargs="*", help="only these models, optional or not")
    fetching.add_argument("--optional", action="store_true", help="try the optional models too")
    fetching.set_defaults(action=_fetch)

    verifying = actions.add_parser(
        "verify", help="read every file of the store again and remove what is corrupt; exit code 1 if anything was"
    )
    verifying.add_argument("--json", action="store_true", help="print JSON")
    verifying.set_defaults(action=_verify)


def _run(options: argparse.Namespace) -> int:
    store = open_store()
    code: int = options.action(store, current_release(store), options)
    return code


def _list(store: Store, release: Release, options: argparse.Namespace) -> int:
    rows = [_row(store, manifest, variant) for manifest, variant in _variants(release.manifests)]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return 0
    table = [("model", "task", "variant", "format", "precision", "px", "bytes", "licence", "in store")]
    for row in rows:
        numbers = (str(row.size_px), f"{row.size_bytes:,}")
        is_here = "yes" if row.is_in_store else "no (optional)" if row.is_optional else "no"
        table.append((row.model, row.task, row.variant, row.format, row.precision, *numbers, row.licence, is_here))
    print(format_table(table))
    return 0


def _row(store: Store, manifest: Manifest, variant: Variant) -> Row:
    return Row(
        model=manifest.id,
        task=manifest.task,
        variant=variant.id,
        format=variant.format,
        precision=variant.precision,
        size_px=variant.size_px,
        size_bytes=sum(file.size_bytes for file in variant.files),
        licence=manifest.licence.id,
        is_optional=manifest.is_optional,
        is_in_store=store.has_variant(variant),
    )


def _fetch(store: Store, release: Release, options: argparse.Namespace) -> int:
    """Fetch what was named, else what is needed; an optional model that was not named may fail."""
    named = [release.manifest(model) for model in options.models]
    failures = []
    with DownloadBars() as bars, open_fetcher(store, bars.show) as fetcher:
        for manifest in named or release.manifests:
            if manifest.is_optional and not named and not options.optional:
                print(f"skipped  {manifest.id}: optional (edgefuse models fetch {manifest.id})")
                continue
            for variant in manifest.variants:
                if failure := _fetch_variant(store, fetcher, manifest, variant):
                    print(f"failed   {manifest.id} {variant.id}: {failure}")
                    failures += [str(failure)] if named or not manifest.is_optional else []
    if failures:
        raise FetchError("\n".join(dict.fromkeys(failures)))
    return 0


def _fetch_variant(store: Store, fetcher: Fetcher, manifest: Manifest, variant: Variant) -> StoreError | None:
    """Have the files of a variant in the store, or give the reason why they are not."""
    name = f"{manifest.id} {variant.id}"
    missing = [file for file in variant.files if not store.has(file.sha256)]
    if any(file.source.kind == "converted_from" for file in missing):
        print(f"skipped  {name}: it is made on this machine (tools/convert)")
        return None
    try:
        for file in missing:
            fetcher.fetch(file)
    except StoreError as e:
        return e
    print(f"{'fetched ' if missing else 'in store'} {name}")
    return None


def _verify(store: Store, release: Release, options: argparse.Namespace) -> int:
    """Take corrupt blobs out, so that nothing opens them and ``fetch`` brings them again."""
    blobs = store.blobs()
    corrupt = [sha256 for sha256 in tqdm(blobs, unit="file", disable=None, leave=False) if not store.is_intact(sha256)]
    for sha256 in corrupt:
        store.remove(sha256)
    if options.json:
        found = [{"sha256": sha256, "used_by": _users(release, sha256)} for sha256 in corrupt]
        print(json.dumps({"checked": len(blobs), "corrupt": found}, indent=1))
        return 1 if corrupt else 0
    for sha256 in corrupt:
        print(f"corrupt  {sha256} ({', '.join(_users(release, sha256)) or 'used by nothing'}): removed")
    print(f"{len(blobs)} files checked, {len(corrupt)} corrupt")
    if mend := _mend(release, corrupt):
        print(f"to mend: {mend}")
    return 1 if corrupt else 0


def _users(release: Release, sha256: str) -> list[str]:
    """Name the variants that use a blob."""
    return [f"{m.id} {v.id}" for m, v in _variants(release.manifests) if sha256 in {f.sha256 for f in v.files}]


def _mend(release: Release, corrupt: Sequence[str]) -> str:
    """Give the command that brings back what was corrupt; nothing where no model of the release used it."""
    files = [(m.id, f) for m, v in _variants(release.manifests) for f in v.files if f.sha256 in corrupt]
    models = dict.fromkeys(model for model, file in files if file.source.kind not in ("converted_from", "release"))
    converted = ["tools/convert"] if any(file.source.kind == "converted_from" for _, file in files) else []
    fetch = [f"edgefuse models fetch {' '.join(models)}"] if models else []
    return " && ".join(fetch + converted)


def _variants(manifests: Iterable[Manifest]) -> Iterator[tuple[Manifest, Variant]]:
    return ((manifest, variant) for manifest in manifests for variant in manifest.variants)


PLUGIN = Command(
    help="list, fetch and verify models",
    example="edgefuse models fetch",
    add_arguments=_add_arguments,
    run=_run,
)
