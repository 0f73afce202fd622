"""What tests of ``edgefuse up`` share: a root with models, a film of a face, and the command running in them."""

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
from pathlib import Path

import pytest
from fakes.broker import CHECKOUT

from edgefuse import paths
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment
from edgefuse.store.store import Store

PATIENCE_S = 120.0
"""Busy machines are slow; a test that passes never waits so long."""


@pytest.fixture
def root(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root of the test's own with the models of the shared one; short, as a socket's path has 107 bytes."""
    shared, cache = paths.state_dir(), paths.cache_dir()
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as folder:
        root = Path(folder) / "root"
        monkeypatch.setenv("EDGEFUSE_ROOT", str(root))
        paths.state_dir().mkdir(parents=True)
        (paths.state_dir() / "store").symlink_to(store.root)
        paths.cache_dir().parent.mkdir(parents=True)
        paths.cache_dir().symlink_to(cache)
        if (shared / "state.json").exists():  # what the probe of the runtimes found
            shutil.copy(shared / "state.json", paths.state_dir())
        yield root


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have mosquitto on the PATH, or not."""
    name = getattr(request, "param", "amqtt")
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if not (Path(folder) / "mosquitto").exists()]
    if name == "mosquitto":
        script = tmp_path / "bin/mosquitto"
        script.parent.mkdir()
        script.write_text(f'#!/bin/sh\nPATH={os.pathsep.join(folders)} exec {CHECKOUT}/tools/mosquitto "$@"\n')
        script.chmod(0o755)
        if subprocess.run([script, "-h"], capture_output=True, check=False).returncode == 2:
            pytest.skip("there is no mosquitto on this machine, and none can be fetched")
        folders.insert(0, str(script.parent))
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    return str(name)


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


@pytest.fixture
def up(root: Path, broker: str) -> Iterator[Callable[..., Up]]:
    """Start the command; it is ended with the test, and nothing of it is left."""
    running: list[Up] = []

    def start(*options: str) -> Up:
        running.append(Up(*options))
        return running[-1]

    yield start
    for command in running:
        if command.process.poll() is None:
            command.end()
    assert not processes(root)


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
