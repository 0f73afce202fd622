"""A unit that is updated by a real supervisor and the real install helper, over a worker that is acted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from fakes import worker_program
from fakes.helped_unit import CHECKOUT, DETECTOR, HelpedUnit
from fakes.release_site import Site
from fakes.supervisor import DEADLINE_S, Running, await_answer, write_site

from edgefuse.ota.deployment import Deployment
from edgefuse.store.store import Store
from edgefuse.supervisor.control import GetHistory, History, Status

KINDS = ("same", "good", "next", "slow", "blind", "growing", "crash", "defect", "wrong", "tight", "tight-slow", "needy",
         "endless")  # fmt: skip
"""What the acted worker makes of releases; ``same`` has the content of the first."""


def publish_all(unit: HelpedUnit) -> None:
    """Publish a release of each kind."""
    for counter, kind in enumerate(KINDS, start=2):
        unit.publish(kind, counter, DETECTOR if kind == "same" else DETECTOR + kind.encode() * 500)


class WishingUnit:
    """A supervisor of a root that is set up, which hears wishes."""

    def __init__(self, root: Path) -> None:
        """Start it."""
        self.root, self.store = root, Store(root / "var/lib/edgefuse/store")
        self._wishes = root / "wishes"
        self.wished = 0
        """How many releases."""
        self.before_command: list[str] = []
        """What the supervisor is started by, such as with a file system of its own."""
        self.running = self.start()

    def start(self) -> Running:
        """Start a supervisor; it hears again what was wished for."""
        command = [*self.before_command, sys.executable, "-m", "fakes.quick_supervisor", str(self._wishes)]
        folders = os.pathsep.join((str(CHECKOUT), str(CHECKOUT / "tests")))
        variables = {**os.environ, "PYTHONPATH": folders, "EDGEFUSE_ROOT": str(self.root)}
        self.running = await_answer(subprocess.Popen(command, env=variables))
        return self.running

    def wish(self, release: str) -> None:
        """Let the fleet wish for a release."""
        self.wished += 1
        with self._wishes.open("a") as file:
            file.write(f"{release} d{self.wished} {self.wished}\n")

    def set_clock(self, time: str) -> None:
        """Let the supervisor believe in a time, ISO 8601, which stands still."""
        path = self.root / "clock"
        path.with_suffix(".new").write_text(time)
        path.with_suffix(".new").rename(path)

    def wait(self, is_so: Callable[[Deployment], object], patience_s: float = DEADLINE_S) -> Status:
        """Wait until the deployment that was wished for last is as wished."""
        deployment = f"d{self.wished}"
        return self.running.wait(
            lambda s: s.deployment and s.deployment.deployment.id == deployment and is_so(s.deployment.deployment),
            patience_s,
        )

    def finish(self, patience_s: float = DEADLINE_S) -> Deployment:
        """Wait until it is over."""
        status = self.wait(lambda deployment: deployment.is_over, patience_s)
        assert status.deployment is not None
        return status.deployment.deployment

    def install(self, release: str, patience_s: float = DEADLINE_S) -> Deployment:
        """Wish for a release, and wait for what comes of it."""
        self.wish(release)
        return self.finish(patience_s)

    def history(self) -> History:
        """Ask what was installed."""
        reply = self.running.ask(GetHistory())
        assert isinstance(reply, History)
        return reply

    def kill(self, who: str) -> None:
        """Kill the supervisor, which is started again; or its worker, or its install helper as soon as there is one."""
        if who == "worker":
            self.running.kill_worker(signal.SIGKILL)
        elif who == "helper":
            os.kill(self._await_helper(), signal.SIGKILL)
        else:
            self.running.process.kill()
            self.running.process.wait()
            self.start()

    def find(self, who: str) -> int | None:
        """Give a process: the supervisor, its worker, or its install helper, where one runs."""
        if who == "supervisor":
            return self.running.process.pid
        return self._find_child("edgefuse.ota" if who == "helper" else "worker_program")

    def _await_helper(self) -> int:
        end_s = time.monotonic() + DEADLINE_S
        while (pid := self.find("helper")) is None:
            assert time.monotonic() < end_s, "no helper was started"
            time.sleep(0.01)
        return pid

    def _find_child(self, module: str) -> int | None:
        children = Path(f"/proc/{self.running.process.pid}/task/{self.running.process.pid}/children")
        for pid in children.read_text().split():
            try:
                if module in Path(f"/proc/{pid}/cmdline").read_text():
                    return int(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return None

    def close(self) -> None:
        """End it."""
        if self.running.process.poll() is None:
            self.running.process.kill()
            self.running.process.wait()


class UpdatingUnit(WishingUnit):
    """One over an acted worker."""

    def __init__(self, root: Path, site: Site, **settings: object) -> None:
        """Set it up with the first release, and start it."""
        self.site = site
        HelpedUnit(root, site)
        board = root / "etc/edgefuse/devices.d/board.yaml"
        profile = yaml.safe_load(board.read_text())
        board.write_text(yaml.safe_dump({**profile, "worker_python": str(worker_program.install(root))}))
        self.configure(**settings)
        super().__init__(root)

    def configure(self, link: object = None, **settings: object) -> None:
        """Write the site configuration."""
        updates = {"repository": str(self.site.published), "reserve_mb": 64, **settings}
        write_site("well", profile="board", updates=updates, link=link)
