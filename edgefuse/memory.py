"""How much memory this process holds, and that it holds no more than it needs."""

import ctypes
import os
from pathlib import Path
from typing import Literal

BYTES_PER_MB = 1_000_000
"""What MB means everywhere in edgefuse, its profiles, its manifests and its reports."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")  # 16 KiB on a Raspberry Pi 5, 4 KiB on most other boards
_M_ARENA_MAX = -8  # malloc.h


def resident_mb(process: int | Literal["self"] = "self") -> float:
    """Read the resident memory of this process, or of another.

    Raises:
        OSError: There is no such process.
    """
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE_BYTES / BYTES_PER_MB


def share_one_heap() -> None:
    """Let all threads that are still to come allocate from the main heap; to be called before they start.

    glibc gives each thread a heap of its own, up to eight per core. Each of them fragments by itself, and what one has
    freed another cannot use: over hours that is most of what a pipeline grows by. Heaps that are there already stay,
    and later threads take turns with them. Does nothing with another C library.

    Source: mallopt(3), M_ARENA_MAX.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def return_free_memory() -> None:
    """Give the system back what was freed, wherever in the heap it lies; for after something large was closed.

    glibc gives back by itself only what lies at the heap's end. Does nothing with another C library.

    Source: malloc_trim(3).
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
