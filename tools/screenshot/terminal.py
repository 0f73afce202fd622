"""A program in a terminal of its own: what it draws is kept as cells, keys and sizes are sent to it.

Understood is what ``edgefuse top`` sends: cursor places, erasing, colours and the other screen. Anything else raises.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

_ANSI = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])")
_OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
Cell = tuple[str, str]
"""A character and the colours it was drawn with, such as ``1;31``."""
_BLANK: Cell = (" ", "")


@dataclass
class Cells:
    """What stands on a terminal."""

    width: int
    height: int
    row: int = 0
    column: int = 0
    colours: str = ""
    is_other_screen: bool = False
    """What stood there before, and the cursor's place, come back after it."""
    is_cursor_hidden: bool = False
    rows: list[list[Cell]] = field(default_factory=list)
    _before: tuple[list[list[Cell]], int, int] | None = None
    _rest: str = ""

    def __post_init__(self) -> None:
        self.resize(self.width, self.height)

    def resize(self, width: int, height: int) -> None:
        """Take another size; what stood there is lost."""
        self.width, self.height = width, height
        self.rows = [[_BLANK] * width for _ in range(height)]

    @property
    def text(self) -> str:
        """Give the characters, without blanks at the ends of lines."""
        return "\n".join("".join(character for character, _ in row).rstrip() for row in self.rows)

    def feed(self, text: str) -> None:
        """Take what a program wrote; a sequence may come in pieces."""
        text, at = self._rest + text, 0
        while at < len(text):
            if text[at] != "\x1b":
                self._put(text[at])
                at += 1
            elif found := _ANSI.match(text, at):
                self._obey(found[1], found[2])
                at = found.end()
            elif len(text) - at > 16:
                raise ValueError(f"unknown sequence {text[at : at + 16]!r}")
            else:
                break
        self._rest = text[at:]

    def _put(self, character: str) -> None:
        if character == "\n" and self.row == self.height - 1:
            self.rows = [*self.rows[1:], [_BLANK] * self.width]
        elif character == "\n":
            self.row += 1
        elif character == "\r":
            self.column = 0
        elif self.row < self.height and self.column < self.width:
            self.rows[self.row][self.column] = (character, self.colours)
            self.column += 1

    def _obey(self, argument: str, verb: str) -> None:
        match verb, argument:
            case "H", _:
                self.row, self.column = (int(number) - 1 for number in argument.split(";"))
            case "K", "":
                if self.row < self.height:
                    self.rows[self.row][self.column :] = [_BLANK] * (self.width - self.column)
            case "J", "2":
                self.resize(self.width, self.height)
            case "m", _:
                self.colours = "" if argument == "0" else argument
            case (("h" | "l"), "?1049"):
                self._change_screen(is_other=verb == "h")
            case (("h" | "l"), "?25"):
                self.is_cursor_hidden = verb == "l"
            case _:
                raise ValueError(f"unknown sequence {argument}{verb}")

    def _change_screen(self, *, is_other: bool) -> None:
        if is_other:
            self._before = (self.rows, self.row, self.column)
            self.resize(self.width, self.height)
        elif self._before is not None:
            self.rows, self.row, self.column = self._before
        self.is_other_screen = is_other


class Terminal:
    """Runs a program with a terminal as its own."""

    def __init__(self, command: Sequence[str], width: int, height: int, environ: Mapping[str, str]) -> None:
        """Start it."""
        self.cells = Cells(width, height)
        self._master, slave = pty.openpty()
        self._resize(width, height)
        self._slave, self.modes_before = slave, termios.tcgetattr(slave)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *command],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env={**os.environ, **environ},
        )  # fmt: skip

    def __enter__(self) -> Terminal:
        """Use it as a context."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the program if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._slave)
        os.close(self._master)

    @property
    def is_restored(self) -> bool:
        """Tell whether modes, screen and cursor are as they were before the program."""
        is_same = termios.tcgetattr(self._slave) == self.modes_before
        return is_same and not self.cells.is_other_screen and not self.cells.is_cursor_hidden

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def resize(self, width: int, height: int) -> None:
        """Change the size; the program gets SIGWINCH."""
        self.cells.resize(width, height)
        self._resize(width, height)

    def _resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def wait_until(self, is_so: Callable[[Cells], bool], timeout_s: float = 60.0) -> str:
        """Wait until something stands on the screen, and give its text.

        Raises:
            TimeoutError: It did not come; the text says what stands there.
        """
        deadline_s = time.monotonic() + timeout_s
        while not is_so(self.cells):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"after {timeout_s:g} s the screen shows:\n{self.cells.text}")
            self.read(0.1)
        return self.cells.text

    def read(self, timeout_s: float) -> None:
        """Take in what the program writes within a time."""
        if select.select([self._master], [], [], timeout_s)[0]:
            self.cells.feed(self._decoder.decode(os.read(self._master, 65536)))

    def signal(self, signum: signal.Signals) -> None:
        """Send the program a signal."""
        os.kill(self.process.pid, signum)

    def finish(self, timeout_s: float = 60.0) -> int:
        """Wait for the end and give the exit code."""
        deadline_s = time.monotonic() + timeout_s
        while self.process.poll() is None and time.monotonic() < deadline_s:
            self.read(0.05)
        self.read(0.0)
        return self.process.wait(timeout=1)
