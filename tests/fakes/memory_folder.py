"""A folder in memory for tests that sync thousands of times, which takes minutes on a busy disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")


@contextmanager
def memory_folder(otherwise: Path) -> Iterator[Path]:
    """Give a folder in memory that is gone afterwards, and the other one where there is no such place."""
    if not os.access(_MEMORY, os.W_OK):
        yield otherwise
        return
    with tempfile.TemporaryDirectory(dir=_MEMORY, prefix="edgefuse-") as folder:
        yield Path(folder)
