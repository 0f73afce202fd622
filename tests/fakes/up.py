"""``edgefuse up`` as a process, in a root of its own, with the broker that is asked for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes.broker import CHECKOUT, BrokerMissingError

from edgefuse import paths
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment

PATIENCE_S = 120.0
"""Busy machines are slow; what goes well never waits so long."""
_MISSING = 2
"""Exit code of tools/mosquitto."""


@contextmanager
def new_root() -> Iterator[Path]:
    """Give a root with the models of the one in force, but nothing else; short, as a socket's path has 107 bytes.

    It is put in force by its user.
    """
    state, cache, base = paths.state_dir(), paths.cache_dir(), paths.root()
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as folder:
        root = Path(folder) / "root"
        own_state, own_cache = (root / place.relative_to(base) for place in (state, cache))
        own_state.mkdir(parents=True)
        own_cache.parent.mkdir(parents=True)
        own_cache.symlink_to(cache)
        (own_state / "store").symlink_to(state / "store")
        if (state / "state.json").exists():  # what the probe of the runtimes found
            shutil.copy(state / "state.json", own_state)
        yield root


def make_path(broker: str, folder: Path) -> str:
    """Give a PATH that has mosquitto, or not.

    Raises:
        BrokerMissingError: There is none on this machine, and none can be fetched.
    """
    folders = [place for place in os.environ["PATH"].split(os.pathsep) if not (Path(place) / "mosquitto").exists()]
    if broker == "mosquitto":
        script = folder / "mosquitto"
        script.write_text(f'#!/bin/sh\nPATH={os.pathsep.join(folders)} exec {CHECKOUT}/tools/mosquitto "$@"\n')
        script.chmod(0o755)
        if subprocess.run([script, "-h"], capture_output=True, check=False).returncode == _MISSING:
            raise BrokerMissingError
        folders.insert(0, str(folder))
    return os.pathsep.join(folders)


class Up:
    """``edgefuse up`` as a process."""

    def __init__(self, *options: str) -> None:
        self.lines: list[str] = []
        """What it printed so far."""
        self.process = subprocess.Popen(
            module_command(sys.executable, "edgefuse", "up", *options),
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Up:
        return self

    def __exit__(self, *_: object) -> None:
        """End it, unless it has ended."""
        if self.process.poll() is None:
            self.end()

    @property
    def text(self) -> str:
        """All that it printed."""
        return "\n".join(self.lines)

    def wait(self, is_enough: Callable[[str], object]) -> None:
        """Wait until it printed what makes ``is_enough`` true."""
        deadline = time.monotonic() + PATIENCE_S
        with self._news:
            while not is_enough(self.text):
                assert self._reader.is_alive() and time.monotonic() < deadline, self.text
                self._news.wait(0.5)

    def wait_for_frames(self) -> None:
        """Wait until the pipeline delivers."""
        self.wait(lambda text: "it runs." in text)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send it a signal; give its exit code and how long it took to end."""
        start_s = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        taken_s = time.monotonic() - start_s
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code, taken_s

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()


def processes(root: Path) -> list[str]:
    """Give the command lines of all processes with this root, but for this one."""
    mark = f"EDGEFUSE_ROOT={root}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # gone, or somebody else's
                continue
    return found
