"""Orders that go wrong."""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any

from edgefuse import ipc
from edgefuse.worker.orders import Orders


class Link:
    """What is told to the supervisor."""

    def __init__(self) -> None:
        self.sent: SimpleQueue[ipc.Message] = SimpleQueue()

    def send(self, message: ipc.Message) -> None:
        """Tell it."""
        self.sent.put(message)


class StuckTrial:
    """One whose models cannot be closed, such as on a stick that is gone."""

    def go_back(self) -> None:
        """Fail."""
        raise RuntimeError("the stick is gone")

    def begin(self, release_id: str) -> None:
        """Open it."""


def test_a_release_that_cannot_be_closed_keeps_nobody_from_obeying() -> None:
    link, unused, trial = Link(), Any, StuckTrial()
    orders = Orders(link, unused, unused, unused, trial)  # type: ignore[arg-type]  # stand-ins
    orders.obey(ipc.GoBack())
    orders.obey(ipc.Try(id=1, release="2"))
    assert link.sent.get(timeout=60.0) == ipc.Answer(id=1)
