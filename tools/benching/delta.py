"""Compare deltas with those of other tools on pairs of real models, and measure rebuilding.

Other tools are run as their makers recommend where size matters: zstd at level 22, alone and with the base as its
prefix; bsdiff4; HDiffPatch with zstd, lzma2 and bzip2, of which the smallest counts; xdelta3 at level 9 with both its
second compressors, where it is installed. Every delta is rebuilt and checked.
Passes when no other tool made a smaller delta, and rebuilding took at most 16 MB (else exit code 1).
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import bsdiff4
import hdiffpatch
import msgspec

from benching.command import run_bench
from benching.model_pairs import Pair, list_pairs, load_content, scatter
from benching.rebuilding import Rebuilding
from edgefuse.config.manifest import Variant
from edgefuse.errors import EdgefuseError
from edgefuse.factory.delta import encode, make_delta
from edgefuse.factory.matching import match_tensors
from edgefuse.ota import zstd
from edgefuse.store.release import Release, current_release
from edgefuse.store.store import Store, open_store

MAX_GROWTH_MB = 16.0
_MODELS = ("yunet", "multistyle26", "blazeface-full", "mobilefacenet")
_LARGEST = "random-face-synthesis"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One pair."""

    model: str
    change: str
    full_bytes: int
    delta_bytes: int
    others_bytes: dict[str, int]
    rebuilding: Rebuilding


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All pairs, and the largest file."""

    rows: tuple[Row, ...]
    largest_bytes: int
    largest: Rebuilding

    @property
    def has_passed(self) -> bool:
        """No other tool is better, and memory is bounded."""
        is_smallest = all(row.delta_bytes <= min(row.others_bytes.values()) for row in self.rows)
        took = (self.largest, *(row.rebuilding for row in self.rows))
        return is_smallest and all(rebuilding.growth_mb <= MAX_GROWTH_MB for rebuilding in took)


def measure(options: argparse.Namespace) -> Figures:
    """Do it."""
    store = open_store()
    release = current_release(store)
    with tempfile.TemporaryDirectory() as folder:
        rows = tuple(
            _compare(pair, Path(folder))
            for model in options.model or _MODELS
            for pair in list_pairs(model, _find(release, model, store), store)
        )
        base = load_content(_find(release, options.memory, store), store)
        target = scatter(base, 1e-3)
        delta = encode(base, target, match_tensors(base, target))
        largest = _rebuild(base.data, delta, target.data, Path(folder))
    return Figures(rows=rows, largest_bytes=len(target.data), largest=largest)


def _find(release: Release, model: str, store: Store) -> Variant:
    """Give the first variant that is here: what is shipped comes first, and as floats."""
    for variant in release.manifest(model).variants:
        if store.has_variant(variant):
            return variant
    raise EdgefuseError(f"cannot compare deltas of '{model}': it is not in the store (edgefuse models fetch {model})")


def _compare(pair: Pair, folder: Path) -> Row:
    base, target = pair.base.data, pair.target.data
    delta = make_delta(pair.base, pair.target)
    return Row(
        model=pair.model,
        change=pair.change,
        full_bytes=len(target),
        delta_bytes=len(delta),
        others_bytes=_try_others(base, target, folder),
        rebuilding=_rebuild(base, delta, target, folder),
    )


def _try_others(base: bytes, target: bytes, folder: Path) -> dict[str, int]:
    prefix = zstd.ZstdDict(base, is_raw=True).as_prefix
    options = {int(zstd.CompressionParameter.compression_level): 22, int(zstd.CompressionParameter.window_log): 27}
    hdiff = hdiffpatch.diff(base, target, "zstd", validate=False)
    sizes = {
        "zstd": len(zstd.compress(target, 22)),
        "zstd+base": len(zstd.compress(target, options=options, zstd_dict=prefix)),
        "bsdiff4": len(bsdiff4.diff(base, target)),
        "hdiffpatch": min(len(hdiff), *(len(hdiffpatch.recompress(hdiff, way)) for way in ("lzma2", "bzip2"))),
    }
    if shutil.which("xdelta3"):
        sizes["xdelta3"] = min(_run_xdelta(base, target, way, folder) for way in ("djw", "lzma"))
    return sizes


def _run_xdelta(base: bytes, target: bytes, way: str, folder: Path) -> int:
    (folder / "base").write_bytes(base)
    (folder / "target").write_bytes(target)
    command = ["xdelta3", "-f", "-e", "-9", "-S", way, "-s", folder / "base", folder / "target", folder / "x"]
    subprocess.run(command, check=True)
    return (folder / "x").stat().st_size


def _rebuild(base: bytes, delta: bytes, target: bytes, folder: Path) -> Rebuilding:
    (folder / "base").write_bytes(base)
    (folder / "delta").write_bytes(delta)
    sha256 = hashlib.sha256(target).hexdigest()
    command = [sys.executable, "-m", "benching.rebuilding", folder / "base", folder / "delta", str(len(target)), sha256]
    shown = subprocess.run(command, check=True, capture_output=True).stdout
    return msgspec.json.decode(shown, type=Rebuilding)


def describe(figures: Figures) -> str:
    """Say it in a table, sizes in percent of the full file."""
    names = list(figures.rows[0].others_bytes)
    lines = [
        f"| model | change | bytes | edgefuse | {' | '.join(names)} | MB/s | MB |",
        "|---|---|--:|--:|" + "--:|" * (len(names) + 2),
        *(_describe_row(row, names) for row in figures.rows),
        f"largest: {figures.largest_bytes} bytes, {_describe_rebuilding(figures.largest, figures.largest_bytes)}, "
        f"and {figures.largest.imports_mb:.1f} MB for what is imported",
    ]
    return "\n".join(lines)


def _describe_row(row: Row, names: Sequence[str]) -> str:
    sizes = (f"{100 * size / row.full_bytes:.2f}" for size in (row.delta_bytes, *(row.others_bytes[n] for n in names)))
    speed = f"{row.full_bytes / row.rebuilding.seconds / 1e6:.0f}"
    cells = (row.model, row.change, f"{row.full_bytes:,}", *sizes, speed, f"{row.rebuilding.growth_mb:.1f}")
    return f"| {' | '.join(cells)} |"


def _describe_rebuilding(took: Rebuilding, size_bytes: int) -> str:
    return f"{size_bytes / took.seconds / 1e6:.0f} MB/s, {took.growth_mb:.1f} MB"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/delta", description=__doc__)
    parser.add_argument("--model", action="append", help=f"another model than {', '.join(_MODELS)}; may be repeated")
    parser.add_argument("--memory", default=_LARGEST, help=f"model whose file is rebuilt for its size ({_LARGEST})")
    logging.disable(logging.WARNING)  # of ONNX Runtime, how to quantise for accuracy
    _, figures = run_bench(parser, measure, describe)
    return 0 if figures.has_passed else 1


if __name__ == "__main__":
    sys.exit(main())
