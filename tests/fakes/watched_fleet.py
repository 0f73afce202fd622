"""A site with simulated devices, a repository and its console, all of it as processes that users would start."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any  # JSON

from fakes.broker import CHECKOUT, free_port, free_ports, serving
from fakes.release_site import Site

from edgefuse.fleet.enrolment import init_site
from edgefuse.fleet.site import load_register

PATIENCE_S = 120.0
RELEASES = ("one", "two")
"""What is published, the older first."""


@dataclass
class WatchedFleet:
    """What runs."""

    folder: Path
    """Of the site."""
    published: Path
    port: int = field(default_factory=free_port)
    tokens: dict[str, str] = field(default_factory=dict)
    """By role."""
    _server: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def entrance(self, role: str = "operator") -> str:
        """Give the address that lets one in."""
        return f"{self.address}/#token={self.tokens[role]}"

    def ask(self, path: str) -> Any:  # JSON
        """Ask the console as a program does."""
        headers = {"Authorization": f"Bearer {self.tokens['operator']}"}
        with urllib.request.urlopen(urllib.request.Request(self.address + path, headers=headers)) as answer:
            return json.load(answer)

    @property
    def pid(self) -> int:
        """Of controller, repository and console."""
        assert self._server is not None
        return self._server.pid

    def wait(self, path: str, is_enough: Callable[[Any], object], patience_s: float = PATIENCE_S) -> None:
        """Ask until the answer is as wished."""
        deadline_s = monotonic() + patience_s
        while not is_enough(told := self.ask(path)):
            assert monotonic() < deadline_s, told
            sleep(0.1)

    def start(self) -> None:
        """Start controller, repository and console; the first time, its tokens are learned."""
        options = ("--console", str(self.port), "--repository", str(self.published))
        self._server = _start("fleet", "serve", "--site", str(self.folder), *options)
        self._learn(self._server)

    def stop(self) -> None:
        """Kill them."""
        assert self._server is not None and self._server.stdout is not None
        self._server.kill()
        self._server.wait()
        self._server.stdout.close()

    def _learn(self, process: subprocess.Popen[str]) -> None:
        """Read what it says until it serves; what it says later is thrown away, so that it never waits."""
        assert process.stdout is not None
        for line in process.stdout:
            self.tokens.update(re.findall(r"as (\w+): \S+#token=(\S+)", line))
            if "listening client" in line and "figures" in line:
                break
        else:
            raise AssertionError(f"the console ended with {process.wait()}")
        threading.Thread(target=_throw_away, args=(process.stdout,), daemon=True).start()


@contextmanager
def simulating(site: Path, devices: int, *options: str) -> Iterator[None]:
    """Have simulated devices in a site; they are gone at the end, as by a power cut."""
    with _start("fleet", "simulate", "--site", str(site), "--devices", str(devices), *options) as process:
        threading.Thread(target=_throw_away, args=(process.stdout,), daemon=True).start()
        try:
            yield
        finally:
            process.kill()


@contextmanager
def watched_fleet(folder: Path, devices: int, *options: str, patience_s: float = PATIENCE_S) -> Iterator[WatchedFleet]:
    """Run all of it, and wait until the console knows figures of every device that gives some.

    Args:
        folder: Empty, and used for everything.
        devices: That are simulated, called ``sim-00001`` and so on.
        options: Of ``edgefuse fleet simulate``.
        patience_s: Until all are there.

    Raises:
        BrokerMissingError: There is no mosquitto.
    """
    releases = Site(folder / "releases")
    releases.folder.mkdir()
    releases.start()
    releases.release(RELEASES[1], 2, "b")
    site = folder / "site"
    init_site(site, "localhost", free_ports())
    with ExitStack() as running:
        running.enter_context(serving(site, port=load_register(site).port + 1))
        fleet = WatchedFleet(site, releases.published)
        fleet.start()
        running.callback(fleet.stop)
        running.enter_context(simulating(site, devices, *options))
        fleet.wait("/api/overview", lambda told: sum(told["bands"].values()) == devices, patience_s)
        yield fleet


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edgefuse", *arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _throw_away(stream: IO[str]) -> None:
    """Read what a program says, so that it never waits for a reader; ends with the program, or when it is closed."""
    with suppress(ValueError):
        for _ in stream:
            pass
