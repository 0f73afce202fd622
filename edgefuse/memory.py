"""How much memory this process holds."""

import os
from pathlib import Path

BYTES_PER_MB = 1_000_000
"""What MB means everywhere in edgefuse, its profiles, its manifests and its reports."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")  # 16 KiB on a Raspberry Pi 5, 4 KiB on most other boards


def resident_mb() -> float:
    """Read the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES / BYTES_PER_MB
