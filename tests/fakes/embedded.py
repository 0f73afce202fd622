"""The broker of ``edgefuse.fleet.embedded`` as a process, that can be killed and started again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes.broker import START_S

from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment
from edgefuse.up.ports import listens


class EmbeddedBroker:
    """Serves a site, also after it was killed."""

    def __init__(self, site: Path, port: int) -> None:
        """Take the port that is opened last."""
        self._command = module_command(sys.executable, "edgefuse.fleet.embedded", str(site))
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        self._process = subprocess.Popen(self._command, env=child_environment())
        deadline = time.monotonic() + START_S
        while not listens(self._port):
            assert self._process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it in order."""
        assert self._process is not None
        self._process.terminate()
        assert self._process.wait(START_S) == 0


@contextmanager
def serving_embedded(site: Path, port: int) -> Iterator[EmbeddedBroker]:
    """Run it for a test."""
    broker = EmbeddedBroker(site, port)
    broker.start()
    yield broker
    broker.close()
