"""What the control groups allow this process: memory and processor time.

Version 2 has one tree of groups. Version 1, as on JetPack 4 and 5 and under older Docker, has a tree for each kind of
limit; a machine may have both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgefuse.memory import BYTES_PER_MB

_TOP = "sys/fs/cgroup"
_NO_LIMIT_BYTES = 1 << 42  # version 1 writes 2^63 or, with 32 bits, 2^43, each less a page


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits where there are any."""

    memory_mb: int | None = None
    cores: int | None = None
    """Quota over period, rounded up."""


def read_limits(root: Path) -> Limits:
    """Read the tightest limits on the way from this process's control groups up to the top.

    Args:
        root: Folder that stands for ``/``.
    """
    memory_mb = [size // BYTES_PER_MB for size in _memory_bytes(root) if size < _NO_LIMIT_BYTES]
    cores = [math.ceil(quota / period) for quota, period in _quotas(root)]
    return Limits(min(memory_mb, default=None), min(cores, default=None))


def _memory_bytes(root: Path) -> Iterator[int]:
    for group in _groups(root, ""):
        yield from _numbers(group / "memory.max")
    for group in _groups(root, "memory"):
        yield from _numbers(group / "memory.limit_in_bytes")


def _quotas(root: Path) -> Iterator[tuple[int, int]]:
    """Give processor time and the period that it is given for, where it is limited."""
    for group in _groups(root, ""):
        if len(numbers := _numbers(group / "cpu.max")) == 2:  # one number stands beside the word `max`
            yield numbers[0], numbers[1]
    for group in _groups(root, "cpu"):
        quota, period = _numbers(group / "cpu.cfs_quota_us"), _numbers(group / "cpu.cfs_period_us")
        if quota and period and quota[0] > 0:  # -1 means no limit
            yield quota[0], period[0]


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Give the folders of the groups that hold this process, up to the top of their tree.

    A container sees its own group as the top and often not the folder that its name leads to.

    Args:
        controller: Of version 1, whose tree lies in a folder of that name; empty for version 2.
    """
    top = root / _TOP / controller
    group = top / _own_group(root, controller).lstrip("/")
    for folder in (group, *group.parents):
        yield folder
        if folder == top:
            return


def _own_group(root: Path, controller: str) -> str:
    """Find the group's name among lines such as ``4:cpu,cpuacct:/docker/1f`` and, of version 2, ``0::/user.slice``."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    rows = (line.split(":", 2) for line in lines)
    return next((name for _, controllers, name in rows if controller in controllers.split(",")), "")


def _numbers(path: Path) -> list[int]:
    """Read the numbers of a file; the top has no limits, and a container may not see the groups above its own."""
    try:
        return [int(word) for word in path.read_text().split() if word != "max"]
    except OSError:
        return []
