"""The service as the checks see it from outside: systemd's word, the control socket's, and the processes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any  # JSON of `edgefuse status`

UNIT = "edgefuse.service"


class CheckError(Exception):
    """A check failed; the text says what was seen."""


def run(*command: str, **environment: str) -> str:
    """Run a command and give what it printed."""
    done = subprocess.run(command, env=environment or None, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CheckError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    return done.stdout


def show(key: str) -> str:
    """Give a property of the unit."""
    return run("systemctl", "show", "--value", "--property", key, UNIT).strip()


def supervisor_pid() -> int:
    """Give the unit's main process; 0 where it has none."""
    return int(show("MainPID"))


def worker_pids() -> set[int]:
    """Give the processes that run the worker's module."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"edgefuse.worker" in words:
            found.add(int(folder.name))
    return found


def status() -> dict[str, Any]:
    """Ask the service; empty while it does not answer. Exit code 1 only means that not all is well."""
    done = subprocess.run(["edgefuse", "status", "--json"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.stdout.startswith("{") else {}


def frames_flow_from(pid: int | None = None) -> bool:
    """Tell whether a worker delivers frames; with ``pid``, whether another than that one does."""
    told = status()
    beat, now = told.get("heartbeat"), told.get("service", {}).get("pid")
    return bool(beat and beat["frames_out"] > 0 and beat["fps"] > 0 and now and now != pid)


def wait(what: str, is_so: Callable[[], bool], limit_s: float) -> float:
    """Wait until something is so and give how long that took."""
    start_s = time.monotonic()
    while not is_so():
        if time.monotonic() - start_s > limit_s:
            raise CheckError(f"{what}: not within {limit_s:g} s")
        time.sleep(0.2)
    return time.monotonic() - start_s


def expect(claim: str, seen: object, wanted: object) -> None:
    """Fail where something is not as it should be."""
    if seen != wanted:
        raise CheckError(f"{claim}: expected {wanted!r}, saw {seen!r}")
