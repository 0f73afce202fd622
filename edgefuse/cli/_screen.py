"""The terminal as a whole-screen view needs it, and back as it was on any exit: q, Ctrl-C, Ctrl-Z, kill, exception."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from edgefuse.cli._chart import ASCII, BLOCKS, Glyphs
from edgefuse.cli._line import Line, encode
from edgefuse.errors import EdgefuseError

_ENTER = b"\x1b[?1049h\x1b[?25l"  # other screen, no cursor
_LEAVE = b"\x1b[?25h\x1b[?1049l"
_KEY = re.compile(
    r"\x1b(?:\[[\d;]*[A-Za-z~]|O[A-Z])?|.", re.DOTALL
)  # an arrow or function key sends several characters


def pick_glyphs(environ: Mapping[str, str]) -> Glyphs:
    """Give block characters where the user's terminal is known to show them; a kernel console's font has too few."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    is_utf8 = "utf" in locale.lower()
    return BLOCKS if is_utf8 and environ.get("TERM") != "linux" else ASCII


def has_colours(environ: Mapping[str, str]) -> bool:
    """Tell whether colours are wanted. Source: https://no-color.org."""
    return not environ.get("NO_COLOR") and environ.get("TERM", "dumb") != "dumb"


class Screen:
    """Draws lines over the whole terminal, and waits for keys."""

    def __init__(self, *, is_coloured: bool, otherwise: str) -> None:
        """Take the terminal of this process; ``otherwise`` tells what to do where there is none.

        Raises:
            EdgefuseError: There is none, or it cannot be drawn on.
        """
        if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "dumb") == "dumb":
            raise EdgefuseError(f"cannot draw here: this is no terminal with a cursor; {otherwise}")
        self._is_coloured = is_coloured
        self._in, self._out = sys.stdin.fileno(), sys.stdout.fileno()
        self._before = termios.tcgetattr(self._in)
        self._shown: list[str] = []
        self._is_stale = True
        """The screen may hold anything: it was just taken over, or has another size."""
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_in, False)

    def __enter__(self) -> Screen:
        """Take the terminal over."""
        signal.set_wakeup_fd(self._wake_in, warn_on_full_buffer=False)  # a signal ends waiting
        signal.signal(signal.SIGWINCH, self._forget)
        signal.signal(signal.SIGTSTP, self._suspend)
        self._take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Give the terminal back."""
        self._give_back()
        signal.set_wakeup_fd(-1)
        for signum in (signal.SIGWINCH, signal.SIGTSTP):
            signal.signal(signum, signal.SIG_DFL)

    @property
    def size(self) -> tuple[int, int]:
        """Give columns and lines; a serial console does not know them."""
        size = os.get_terminal_size(self._out)
        return size.columns or 80, size.lines or 24

    @property
    def wake(self) -> Callable[[], None]:
        """Give what ends waiting for keys, from any thread."""
        return lambda: self._write(self._wake_in, b"\0")

    def show(self, lines: Sequence[Line]) -> None:
        """Draw what differs from what is on the screen; over a slow line little is sent."""
        if self._is_stale:
            self._is_stale, self._shown = False, []
            self._write(self._out, b"\x1b[2J")
        texts = [encode(line, is_coloured=self._is_coloured) for line in lines]
        before = self._shown + [""] * (len(texts) - len(self._shown))
        changed = (row for row, (old, new) in enumerate(zip(before, texts, strict=False)) if old != new)
        # A line is erased before it is written: at the right edge, erasing to the end takes the last character away.
        self._write(self._out, "".join(f"\x1b[{row + 1};1H\x1b[K{texts[row]}" for row in changed).encode())
        self._shown = texts

    def wait(self, timeout_s: float) -> list[str]:
        """Wait for keys, a signal or ``wake``; give the keys, of arrow keys the first character, ``q`` at the end."""
        ready, _, _ = select.select([self._in, self._wake_out], [], [], timeout_s)
        if self._wake_out in ready:
            os.read(self._wake_out, 4096)
        if self._in not in ready:
            return []
        typed = os.read(self._in, 64).decode(errors="ignore")
        return [key[0] for key in _KEY.findall(typed)] or ["q"]

    def _take(self) -> None:
        tty.setcbreak(self._in)
        self._write(self._out, _ENTER)
        self._is_stale = True

    def _give_back(self) -> None:
        self._write(self._out, _LEAVE)
        termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)

    def _forget(self, *_: object) -> None:
        self._is_stale = True

    def _suspend(self, *_: object) -> None:
        """Stop as Ctrl-Z wants it, with the user's screen; go on here after ``fg``."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._suspend)
        self._take()

    @staticmethod
    def _write(descriptor: int, data: bytes) -> None:
        """Write all of it; a full wake-up pipe wakes anyway, and a terminal that is gone needs nothing."""
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(descriptor, data) :]
