"""A supervisor with a root of its own, as bench commands watch it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgefuse import clock, paths
from edgefuse.config.site import site_path
from edgefuse.errors import EdgefuseError
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment
from edgefuse.supervisor import control
from edgefuse.supervisor.control import GetStatus, Status, Told

POLL_S = 0.05
START_S = 60.0


class Leftovers(msgspec.Struct, frozen=True):
    """What processes leave behind if nobody takes care."""

    descriptors: int
    """Open in the supervisor."""
    processes: int
    """Of this root, the supervisor included."""
    zombies: int
    sockets: int
    """Bound below the root."""
    shared_memory: int
    """Files in /dev/shm that no process holds."""


@dataclass(frozen=True)
class SupervisedUnit:
    """A supervisor that runs, and its root."""

    root: Path
    process: subprocess.Popen[bytes]

    def status(self) -> Status:
        """Ask the supervisor."""
        reply = control.ask(GetStatus(), timeout_s=START_S)
        assert isinstance(reply, Told)
        return reply.status

    def wait(self, is_so: Callable[[Status], object], timeout_s: float) -> tuple[Status, float]:
        """Wait until the status is as wished; give it, and how long that took.

        Raises:
            EdgefuseError: It does not become so in time.
        """
        start_ns = clock.now_ns()
        while True:
            status = self.status()
            elapsed_s = (clock.now_ns() - start_ns) / clock.NS_PER_S
            if is_so(status):
                return status, elapsed_s
            if elapsed_s > timeout_s:
                raise EdgefuseError(f"cannot go on: after {timeout_s:g} s the worker is {status.service}")
            time.sleep(POLL_S)

    def kill_worker(self, number: signal.Signals) -> int:
        """Send the worker a signal, and give its process id."""
        pid = self.status().service.pid
        if pid is None:
            raise EdgefuseError("cannot signal the worker: there is none")
        os.kill(pid, number)
        return pid

    def count_leftovers(self) -> Leftovers:
        """Count what processes hold."""
        mark = f"EDGEFUSE_ROOT={self.root}\0".encode()
        folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
        marked = [folder for folder in folders if mark in _read(folder / "environ") and int(folder.name) != os.getpid()]
        own = [folder for folder in marked if not self._is_ours(folder)]
        return Leftovers(
            descriptors=len(list(Path(f"/proc/{self.process.pid}/fd").iterdir())),
            processes=len(own),
            zombies=sum(_is_zombie_of(self.process.pid, _read(folder / "stat")) for folder in folders),
            sockets=_read(Path("/proc/net/unix")).count(bytes(self.root)),
            shared_memory=_count_orphaned_memory(folders),
        )

    def _is_ours(self, folder: Path) -> bool:
        """Tell whether a process is one that the bench itself started beside the supervisor, such as its camera."""
        pid, parent = int(folder.name), _read(folder / "stat").rpartition(b")")[2].split()[1:2]
        return pid != self.process.pid and parent == [str(os.getpid()).encode()]

    def cpu_s(self) -> float:
        """Give the processor time of the supervisor alone, without its children."""
        fields = _read(Path(f"/proc/{self.process.pid}/stat")).rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Give the resident memory of the supervisor."""
        pages = int(_read(Path(f"/proc/{self.process.pid}/statm")).split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def write_site(lines: Mapping[str, object]) -> None:
    """Write the site configuration of the root in force; JSON is YAML too."""
    site_path().parent.mkdir(parents=True, exist_ok=True)
    site_path().write_bytes(msgspec.json.encode(lines))


@contextmanager
def unit_root(site: Mapping[str, object]) -> Iterator[Path]:
    """Make a root with the models of the one in force and a site configuration; it is in force meanwhile."""
    before = os.environ.get("EDGEFUSE_ROOT")
    state, cache = paths.state_dir(), paths.cache_dir()
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as folder:  # short: a socket's path has 107 bytes
        os.environ["EDGEFUSE_ROOT"] = folder
        for place, own in ((state, paths.state_dir()), (cache, paths.cache_dir())):
            own.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", "--reflink=auto", place, own], check=True)
        write_site(site)
        yield Path(folder)
    if before is None:
        os.environ.pop("EDGEFUSE_ROOT")
    else:
        os.environ["EDGEFUSE_ROOT"] = before


@contextmanager
def open_supervisor(root: Path, variables: Mapping[str, str] | None = None) -> Iterator[SupervisedUnit]:
    """Start the supervisor of the root in force, and end it after.

    Raises:
        EdgefuseError: It does not come up.
    """
    command = module_command(sys.executable, "edgefuse", "supervise")
    process = subprocess.Popen(command, env={**child_environment(), **(variables or {})})
    try:
        _await_answer(process)
        yield SupervisedUnit(root, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_S)


@contextmanager
def open_unit(site: Mapping[str, object], variables: Mapping[str, str] | None = None) -> Iterator[SupervisedUnit]:
    """Start a supervisor over the models of the root in force, in a root of its own; end it after.

    Raises:
        EdgefuseError: It does not come up.
    """
    with unit_root(site) as root, open_supervisor(root, variables) as unit:
        yield unit


def _await_answer(process: subprocess.Popen[bytes]) -> None:
    start_ns = clock.now_ns()
    while process.poll() is None and clock.now_ns() - start_ns < START_S * clock.NS_PER_S:
        try:
            control.ask(GetStatus())
            return
        except EdgefuseError:
            time.sleep(POLL_S)
    raise EdgefuseError("cannot watch the supervisor: it does not answer")


def _count_orphaned_memory(processes: Sequence[Path]) -> int:
    """Count the files in /dev/shm that nobody maps; what other programs of this machine use is none of ours."""
    maps = b"".join(_read(folder / "maps") for folder in processes)
    return sum(path.is_file() and bytes(path) not in maps for path in Path("/dev/shm").iterdir())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone, or somebody else's
        return b""


def _is_zombie_of(pid: int, stat: bytes) -> bool:
    fields = stat.rpartition(b")")[2].split()
    return len(fields) > 1 and fields[0] == b"Z" and int(fields[1]) == pid
