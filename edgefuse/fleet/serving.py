"""Several components in one process: the controller, and whatever else serves a site; they end together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

logger = logging.getLogger(__name__)


class Component(Protocol):
    """Something that works until it is told to stop."""

    @property
    def name(self) -> str:
        """Give what its thread is called."""

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, and put things in order then.

        Raises:
            EdgefuseError: It cannot go on; the others are stopped, too.
        """


def serve(components: Sequence[Component], stop: threading.Event) -> None:
    """Run each in a thread of its own until ``stop`` is set or one cannot go on.

    Raises:
        EdgefuseError: The first that could not go on could not because of this.
    """
    failures: list[Exception] = []
    threads = [
        threading.Thread(target=_run, args=(component, stop, failures), name=component.name) for component in components
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _run(component: Component, stop: threading.Event, failures: list[Exception]) -> None:
    try:
        component.run(stop)
    except Exception as e:  # the outermost of this thread; told by ``serve``
        failures.append(e)
    finally:
        stop.set()
