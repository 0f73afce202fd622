"""A real mosquitto on loopback, with a journal of its own on disk, that can be killed and started again."""

from __future__ import annotations

import getpass
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgefuse.up.ports import listens

CHECKOUT = Path(__file__).resolve().parents[2]
START_S = 60.0
"""The first start on a machine may unpack the broker."""

_MISSING = 2
"""Exit code of tools/mosquitto."""

_CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
user {user}
set_tcp_nodelay true
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
log_type error
log_type warning
{extra}
"""


class BrokerMissingError(Exception):
    """There is no mosquitto on this machine, and none can be fetched."""


class Broker:
    """Runs on one port, also after it was killed."""

    def __init__(self, folder: Path, extra: str = "", *, port: int | None = None) -> None:
        """Write a configuration that lets everybody in, or with a port use the one that is in the folder."""
        self.port = port or free_port()
        self._configuration = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        if port is None:
            folder.mkdir(parents=True, exist_ok=True)
            self._configuration.write_text(
                _CONFIGURATION.format(port=self.port, user=getpass.getuser(), folder=folder, extra=extra)
            )

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it listens.

        Raises:
            BrokerMissingError: There is none.
        """
        self._process = subprocess.Popen([CHECKOUT / "tools/mosquitto", "-c", self._configuration])
        deadline = time.monotonic() + START_S
        while not listens(self.port):
            if self._process.poll() == _MISSING:
                raise BrokerMissingError
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"mosquitto does not start (code {self._process.poll()})")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it in order."""
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.terminate()
            self._process.wait()


@contextmanager
def serving(folder: Path, extra: str = "", *, port: int | None = None) -> Iterator[Broker]:
    """Run a broker for a test, which is skipped where there is none."""
    broker = Broker(folder, extra, port=port)
    try:
        broker.start()
    except BrokerMissingError:
        pytest.skip("there is no mosquitto on this machine, and none can be fetched")
    yield broker
    broker.close()


def free_port() -> int:
    """Give a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def free_ports() -> int:
    """Give the first of two ports in a row that nobody uses now, as a site has them."""
    while True:
        port = free_port()
        try:
            socket.create_server(("127.0.0.1", port + 1)).close()
        except (OSError, OverflowError):
            continue
        return port
