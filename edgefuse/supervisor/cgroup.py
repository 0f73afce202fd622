"""Sub-groups of the control group that systemd delegated: the worker's has the memory limit, so that it alone dies.

    edgefuse.service/
      supervisor/    this process
      worker/        memory.max, memory.oom.group; whatever the worker starts
      helpers/       whatever else this process starts: it must not take processor time that frames want

Where nothing is delegated (a container, a shell, control groups of version 1) everything goes on without.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from edgefuse.errors import EdgefuseError
from edgefuse.memory import BYTES_PER_MB

_TOPS = ("sys/fs/cgroup", "sys/fs/cgroup/unified")  # the second where both versions are mounted
_WEIGHT = 200  # of the supervisor beside the worker's 100: it needs little, but must get it
_HELPERS_WEIGHT = 10


class Group:
    """A control group."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, pid: int) -> None:
        """Take a process in.

        Raises:
            OSError: The kernel refuses.
        """
        (self._folder / "cgroup.procs").write_text(str(pid))


class WorkerGroup(Group):
    """The control group of the worker."""

    def __init__(self, folder: Path, helpers: Group) -> None:
        super().__init__(folder)
        self.helpers = helpers
        """Its neighbour."""

    def limit(self, memory_mb: float | None) -> None:
        """Let the kernel end the worker, with all that it started, when it holds more.

        Raises:
            OSError: The kernel refuses.
        """
        limit = "max" if memory_mb is None else str(round(memory_mb * BYTES_PER_MB))
        (self._folder / "memory.max").write_text(limit)
        (self._folder / "memory.oom.group").write_text("1")

    def oom_kills(self) -> int:
        """Count the processes that the limit has ended."""
        with suppress(OSError, ValueError):
            rows = (line.split() for line in (self._folder / "memory.events").read_text().splitlines())
            return next(int(count) for name, count in rows if name == "oom_kill")
        return 0


def divide_group(root: Path = Path("/")) -> WorkerGroup:
    """Move this process into a sub-group, and make the worker's and that of the helpers.

    Args:
        root: Folder that stands for ``/``.

    Raises:
        EdgefuseError: Nothing is delegated to this process.
    """
    group = _own_group(root)
    try:
        members = (group / "cgroup.procs").read_text().split()
        if members != [str(os.getpid())]:
            raise EdgefuseError(
                "cannot limit the worker's memory: the control group has other processes (Delegate=yes)"
            )
        supervisor, worker, helpers = (group / name for name in ("supervisor", "worker", "helpers"))
        for folder in (supervisor, worker, helpers):
            folder.mkdir(exist_ok=True)
        (supervisor / "cgroup.procs").write_text(members[0])
        (group / "cgroup.subtree_control").write_text("+memory")
    except OSError as e:
        reason = (e.strerror or str(e)).lower()
        raise EdgefuseError(f"cannot limit the worker's memory: no control group is delegated ({reason})") from e
    with suppress(OSError):  # processor time need not be delegated
        (group / "cgroup.subtree_control").write_text("+cpu")
        (supervisor / "cpu.weight").write_text(str(_WEIGHT))
        (helpers / "cpu.weight").write_text(str(_HELPERS_WEIGHT))
    return WorkerGroup(worker, Group(helpers))


def _own_group(root: Path) -> Path:
    """Find the folder of this process's group, of version 2.

    Raises:
        EdgefuseError: There is none.
    """
    with suppress(OSError):
        lines = (root / "proc/self/cgroup").read_text().splitlines()
        names = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
        tops = [root / top for top in _TOPS if (root / top / "cgroup.procs").exists()]
        if names and tops and names[0]:  # the empty name is the whole machine's group, or a container's
            return tops[0] / names[0]
    raise EdgefuseError("cannot limit the worker's memory: this process has no control group of its own")
