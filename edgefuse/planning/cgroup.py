"""What the control group (version 2) allows this process: memory and processor time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits where there are any."""

    memory_mb: int | None = None
    cores: int | None = None
    """Quota over period, rounded up."""


def read_limits(root: Path) -> Limits:
    """Read the tightest limits on the way from this process's control group up to the top.

    Args:
        root: Folder that stands for ``/``.
    """
    memory_mb = [int(words[0]) // _MB for words in _read(root, "memory.max") if words[0] != "max"]
    cores = [math.ceil(int(words[0]) / int(words[1])) for words in _read(root, "cpu.max") if words[0] != "max"]
    return Limits(min(memory_mb, default=None), min(cores, default=None))


def _read(root: Path, name: str) -> Iterator[list[str]]:
    """Give the words of a file of that name from every group that holds this process."""
    top = root / "sys/fs/cgroup"
    group = top / _own_group(root).lstrip("/")
    for folder in (group, *group.parents):
        try:
            words = (folder / name).read_text().split()
        except OSError:  # the top has no limits, and a container may not see the groups above its own
            words = []
        if words:
            yield words
        if folder == top:
            return


def _own_group(root: Path) -> str:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "")
