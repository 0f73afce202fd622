"""Ctrl-C and ``kill`` as a wish to stop, so that frames under way are delivered and files are finished.

A ``KeyboardInterrupt`` would not do: raised inside ``Thread.join`` it makes a running thread look ended (Python 3.10
and 3.11), and a file would be closed while its thread still writes.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While it is entered, a signal calls ``stop``; what the process was told to ignore (``nohup``) stays ignored."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self.has_come = False
        self._stop = stop
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Interruption:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._answer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _answer(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- as the system calls it
        self.has_come = True
        self._stop()
