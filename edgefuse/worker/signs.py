"""Signs of life before there are heartbeats: while libraries are loaded, runtimes probed and models fetched."""

from __future__ import annotations

import threading

from edgefuse import ipc
from edgefuse.worker.link import Link

PERIOD_S = 2.0


class SignsOfLife:
    """Says from a thread of its own that this process runs.

    That proves that nobody has stopped it, and that no native code keeps Python from running. Whether the main thread
    gets on it does not prove; a start that takes too long is ended by the supervisor all the same.
    """

    def __init__(self, link: Link) -> None:
        """Say so at once, and every ``PERIOD_S``."""
        self._link = link
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="signs", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Say nothing from now on."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._link.send(ipc.Alive())
            self._is_over.wait(PERIOD_S)
