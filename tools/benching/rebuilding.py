"""Rebuild one file from a delta and tell what it took: a process of its own, so that memory can be seen.

Usage: python -m benching.rebuilding BASE DELTA SIZE_BYTES SHA256
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec

from edgefuse.config.manifest import ModelFile, Source


class Rebuilding(msgspec.Struct, frozen=True, kw_only=True):
    """What rebuilding took."""

    seconds: float
    imports_mb: float
    """What numpy, zstd and the code itself take."""
    growth_mb: float
    """Highest memory while it rebuilds, above that."""


def _read_mb(key: str) -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{key}:")[2].split()[0]) / 1024


def main() -> None:
    """Rebuild and print JSON."""
    base, delta, size_bytes, sha256 = sys.argv[1:]
    file = ModelFile(name="model", size_bytes=int(size_bytes), sha256=sha256, source=Source(file="/model"))
    bare_mb = _read_mb("VmRSS")
    from edgefuse.ota.delta import rebuild

    before_mb = _read_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the highest so far
    begin_s = time.perf_counter()
    for _ in rebuild(Path(base), Path(delta), file):
        pass
    taken_s = time.perf_counter() - begin_s
    took = Rebuilding(seconds=taken_s, imports_mb=before_mb - bare_mb, growth_mb=_read_mb("VmHWM") - before_mb)
    print(msgspec.json.encode(took).decode())


if __name__ == "__main__":
    main()
