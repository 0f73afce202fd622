"""The journal of deployments, ``deployment.json``: what is to be done is written down before it is done.

So whatever a power cut interrupts, the device knows at its next start what it was doing, and goes on or goes back. A
broken file is moved aside: what runs does not depend on it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from edgefuse import clock, disk
from edgefuse.config.updates import UpdateSettings
from edgefuse.errors import StoreError
from edgefuse.ota.actions import Action
from edgefuse.ota.deployment import VERSION, Deployment, InstallState, Watch
from edgefuse.ota.events import DiskFailed, Event, Started
from edgefuse.ota.install import next
from edgefuse.store.versioned import load_or_begin

logger = logging.getLogger(__name__)


class Journal:
    """Feeds events to the state machine; used by one thread of one process."""

    def __init__(
        self,
        path: Path,
        settings: UpdateSettings,
        now_ns: Callable[[], int] = clock.now_ns,
        wall_iso: Callable[[], str] = clock.wall_iso,
    ) -> None:
        """Read the journal; a unit that was never updated has none.

        Raises:
            StoreError: It cannot be read, or was written by a newer edgefuse.
        """
        self._path = path
        self.settings = settings
        """In force; another one holds from the next event on."""
        self._now_ns = now_ns
        self._wall_iso = wall_iso
        self.state = load_or_begin(path, InstallState, VERSION)
        """As it is now; see ``InstallState.deployment`` for what to report, whenever ``seq`` is another one."""
        self._written = _encode(self.state)

    def take(self, event: Event) -> tuple[Action, ...]:
        """Take in an event, write down what follows, and give what is to be done now.

        Where the disk takes nothing, the deployment ends; that is known until the next restart, which finds an older
        journal and comes to an end of its own.
        """
        state, actions = next(self.state, event, self._now_ns() / clock.NS_PER_S, self.settings)
        try:
            self.state = self._stamp(state)
            self._write(is_start=isinstance(event, Started))
        except StoreError as e:
            logger.error("journal cannot be written reason=%s", e)
            state, actions = next(self.state, DiskFailed(str(e)), self._now_ns() / clock.NS_PER_S, self.settings)
            self.state = self._stamp(state)
        return actions

    def _write(self, *, is_start: bool) -> None:
        """Write what has changed, and after a start in any case: the last write may not be on the disk for good yet."""
        data = _encode(self.state)
        if data != self._written or (is_start and self.state.deployment is not None):
            disk.write_atomically(self._path, data)
            self._written = data

    def _stamp(self, state: InstallState) -> InstallState:
        """Say when deployments began and ended."""
        if state.deployment is None:
            return state
        history = tuple(self._stamp_one(past) for past in state.history)
        return msgspec.structs.replace(state, deployment=self._stamp_one(state.deployment), history=history)

    def _stamp_one(self, deployment: Deployment) -> Deployment:
        begun_at = deployment.begun_at or self._wall_iso()
        ended_at = deployment.ended_at or (self._wall_iso() if deployment.is_over else "")
        return msgspec.structs.replace(deployment, begun_at=begun_at, ended_at=ended_at)


def _encode(state: InstallState) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(state, watch=Watch()))
