"""What happened: a short ring of events for `edgefuse status`, each also a line of the log."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Literal

from edgefuse import clock
from edgefuse.supervisor.control import Event

logger = logging.getLogger(__name__)

LENGTH = 50
Kind = Literal[
    "started",
    "worker_running",
    "worker_ended",
    "worker_crashed",
    "worker_hung",
    "worker_refused",
    "worker_flapping",
    "worker_restarted",
    "model_blamed",
    "plan_changed",
    "memory_high",
    "memory_killed",
    "source_lost",
    "source_back",
    "point_changed",
    "zone_lost",
    "throttled",
    "too_hot",
    "pinned",
    "paused",
    "resumed",
    "configuration_read",
    "configuration_refused",
    "gone_back",
    "link_refused",
    "update_begun",
    "update_waits",
    "update_tried",
    "update_restarts",
    "update_committed",
    "update_rejected",
    "update_failed",
    "update_rolled_back",
    "update_cancelled",
    "state_not_kept",
    "not_limited",
    "stopping",
]
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Journal:
    """The newest events."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=LENGTH)
        self._listeners: list[Callable[[Event], object]] = []

    def note(self, level: Literal["info", "warning", "error"], kind: Kind, text: str) -> None:
        """Take an event down, and log it."""
        event = Event(at=clock.wall_iso(), level=level, kind=kind, text=text)
        self._events.append(event)
        logger.log(_LEVELS[level], "%s: %s", kind, text)
        for listener in self._listeners:
            listener(event)

    def listen(self, listener: Callable[[Event], object]) -> None:
        """Have ``listener`` called with every event from now on."""
        self._listeners.append(listener)

    def newest(self) -> tuple[Event, ...]:
        """Give the events, the newest last."""
        return tuple(self._events)
