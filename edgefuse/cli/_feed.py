"""Asking the supervisor beside a screen: statuses through its restarts, and changes, which take a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from edgefuse.cli._supervisor import tell
from edgefuse.cli._view import Wish
from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import Status, Told, Watch, asking

INTERVAL_S = 1.0
"""Between two statuses, and between two tries where none comes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a wish."""

    text: str


News = Status | EdgefuseError | Outcome


class Feed:
    """Asks in threads of its own, so that keys are answered while a supervisor is silent."""

    def __init__(self, on_news: Callable[[], None]) -> None:
        """Call ``on_news`` from the thread when something came."""
        self._on_news = on_news
        self._news: SimpleQueue[News] = SimpleQueue()

    def start(self) -> None:
        """Begin to ask; the thread ends with the process."""
        threading.Thread(target=self._run, daemon=True).start()

    def ask_for(self, wish: Wish) -> None:
        """Ask for what a key wants; the outcome is among the news."""
        threading.Thread(target=self._tell, args=(wish,), daemon=True).start()

    def news(self) -> Iterator[News]:
        """Give what came since the last call."""
        while True:
            try:
                yield self._news.get_nowait()
            except Empty:
                return

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._put(self._follow())
            pause.wait(INTERVAL_S)

    def _follow(self) -> EdgefuseError:
        """Pass statuses on until they end, and give the reason."""
        try:
            for reply in asking(Watch(interval_s=INTERVAL_S)):
                if isinstance(reply, Told):
                    self._put(reply.status)
        except EdgefuseError as e:
            return e
        return EdgefuseError("the supervisor closed the connection")

    def _tell(self, wish: Wish) -> None:
        try:
            tell(wish.request)
        except EdgefuseError as e:
            self._put(Outcome(str(e)))
            return
        self._put(Outcome(wish.done))

    def _put(self, news: News) -> None:
        self._news.put(news)
        self._on_news()
