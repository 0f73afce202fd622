"""Keeps programs running, in order, and ends them together.

start ──► ready ──► ended by itself: said, and started again after a pause that grows
                └── too often in a row: everything ends, with its last words
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.children import Children, describe_end, signal_group
from edgefuse.up.parts import Part, tied

READY_S = 30.0
STABLE_S = 10.0
"""What lived for so long may be started again as often as it likes."""
MAX_SHORT_LIVES = 3
PAUSE_S = 0.5
KILLED_S = 1.0
LAST_WORDS = 8
"""Lines of a program that are shown when it ends by itself."""
_POLL_S = 0.05
_PIPE_BYTES = 1 << 20
"""What a program may say while this process is stopped (Ctrl-Z), before it has to wait."""


class Keeper:
    """Keeps one program running."""

    def __init__(self, part: Part, children: Children, tell: Callable[[str], None], *, is_verbose: bool) -> None:
        """Take what to run and whom to tell of its ends; where ``is_verbose``, all that it says goes to stderr."""
        self.part = part
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Gets an exception when it ends again and again."""
        self._children, self._tell, self._is_verbose = children, tell, is_verbose
        self._loop = asyncio.get_running_loop()
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._pid: int | None = None
        self._ended = asyncio.Event()
        self._started_s = 0.0
        self._short_lives = 0
        self._is_stopping = False

    async def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            EdgefuseError: It ends again and again, or does not become ready.
        """
        self._spawn()
        end_s = self._loop.time() + READY_S
        while not await asyncio.to_thread(self.part.is_ready):
            if self.failed.done():
                return self.failed.result()
            if self._loop.time() > end_s:
                raise EdgefuseError(
                    f"cannot start the {self.part.name}: it is not ready after {READY_S:g} s{self._said()}"
                )
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """End it, by force where it takes too long."""
        self._is_stopping = True
        for number, limit_s in ((signal.SIGTERM, self.part.limit_s), (signal.SIGKILL, KILLED_S)):
            if self._pid is None:
                return
            signal_group(self._pid, number)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended.wait(), limit_s)

    def _spawn(self) -> None:
        if self._is_stopping:
            return
        reading, writing = os.pipe()
        with suppress(OSError):
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        os.set_blocking(reading, False)
        self._ended.clear()
        self._words.clear()
        self._started_s = self._loop.time()
        try:
            child = self._children.spawn(
                tied(self.part.command), lambda code: self._end(code, reading), output=writing, errors=writing
            )
        finally:
            os.close(writing)
        self._pid = child.pid
        self._loop.add_reader(reading, self._read, reading)

    def _read(self, reading: int) -> None:
        with suppress(BlockingIOError):
            while data := os.read(reading, 1 << 16):
                text = data.decode(errors="replace")
                self._words.extend(text.splitlines())
                if self._is_verbose:
                    sys.stderr.write(text)
            self._loop.remove_reader(reading)  # nobody can write any more

    def _end(self, code: int, reading: int) -> None:
        """Take note of its end, and start it again where that was its own doing."""
        self._read(reading)
        self._loop.remove_reader(reading)
        os.close(reading)
        self._pid = None
        self._ended.set()
        if self._is_stopping:
            return
        is_short = self._loop.time() - self._started_s < STABLE_S
        self._short_lives = self._short_lives + 1 if is_short else 1
        what = f"the {self.part.name} ended ({describe_end(code)})"
        if self._short_lives >= MAX_SHORT_LIVES:
            self.failed.set_exception(EdgefuseError(f"cannot go on: {what}{self._said()}"))
            return
        self._tell(f"{what}; starting it again{self._said()}")
        self._loop.call_later(PAUSE_S * 2 ** (self._short_lives - 1), self._spawn)

    def _said(self) -> str:
        """Give its last words."""
        return "".join(f"\n  {line}" for line in self._words)
