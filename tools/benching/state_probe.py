"""How long a change of state takes from a device's daemon to the store: a real link, and a reader of the store."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import msgspec
from fakes.daemon import Daemon

from edgefuse.config.link import LinkSettings
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.database import open_database
from edgefuse.fleet.enrolment import enrol
from edgefuse.fleet.site import load_register
from edgefuse.fleet.store import Store
from edgefuse.link.client import Link
from edgefuse.link.credentials import install_credentials
from edgefuse.trusted_time import TrustedTime

NAME = "probe"
PERIOD_S = 1.0
LOOK_S = 0.01
PATIENCE_S = 30.0


class StateProbe:
    """One more device among the simulated ones."""

    def __init__(self, folder: Path, site: Path, database: str) -> None:
        """Have it join the site and connect, and wait until the controller hears everything."""
        credentials = folder / "credentials"
        install_credentials(enrol(site, NAME), credentials, site.stat())
        settings = {"broker": load_register(site).devices_url, "device_id": NAME, "credentials": str(credentials)}
        self._daemon = Daemon()
        self._link = Link(
            msgspec.convert(settings, LinkSettings), folder / "probe", self._daemon, self._daemon.loop, TrustedTime()
        )
        self._database = open_database(database)
        self._store = Store(self._database)
        self._changes = itertools.count(1)
        self._link.start()
        self._change()
        self._await_events()

    def watch(self, seconds: float) -> list[float]:
        """Change the state each second for so long, and give what each change took, in milliseconds."""
        taken_ms, end_s = [], time.monotonic() + seconds
        while (began_s := time.monotonic()) < end_s:
            taken_ms.append(1000.0 * self._change())
            time.sleep(max(0.0, PERIOD_S - (time.monotonic() - began_s)))
        return taken_ms

    def close(self) -> None:
        """Take leave."""
        self._link.stop()
        self._daemon.close()
        self._database.close()

    def _await_events(self) -> None:
        """Tell events until one is in the store: what is told before the controller listens is nobody's."""
        end_s = time.monotonic() + PATIENCE_S
        while not self._store.events(NAME):
            if time.monotonic() > end_s:
                raise EdgefuseError(f"cannot measure: no event is in the store after {PATIENCE_S:g} s")
            self._link.say("info", "started", "the probe is there")
            time.sleep(0.2)

    def _change(self) -> float:
        """Change it once, and give the seconds until the store has it."""
        release, began_s = f"r{next(self._changes)}", time.monotonic()
        self._link.set_state(release, "RUNNING")
        while True:
            record = self._store.device(NAME)
            passed_s = time.monotonic() - began_s
            if record is not None and record.state is not None and record.state.release == release:
                return passed_s
            if passed_s > PATIENCE_S:
                raise EdgefuseError(f"cannot measure: a change of state is not in the store after {PATIENCE_S:g} s")
            time.sleep(LOOK_S)
