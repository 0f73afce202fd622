"""How much memory this process holds; MB means 10⁶ bytes."""

import os
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")  # 16 KiB on a Raspberry Pi 5, 4 KiB on most other boards


def resident_mb() -> float:
    """Read the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6
