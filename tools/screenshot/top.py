"""Take the picture of ``edgefuse top``: the real command in a terminal of its own.

Usage: tools/docs/top_picture [--running] [--seconds N] [--keys KEYS] [--size 80x24] [--out docs/img/top.png]

Asked is a simulated Raspberry Pi 5 that warms up (tests/fakes/control.py), with --running the supervisor of this root.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from fakes.control import FakeSupervisor, warmed_up

from screenshot.picture import draw_cells
from screenshot.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
ENVIRON = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": ""}


def main() -> None:
    """Watch for a while, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--running", action="store_true", help="ask the supervisor that runs here, not a simulated one")
    parser.add_argument("--seconds", type=float, default=75.0, help="how long to watch, a column a second (75)")
    parser.add_argument("--keys", default="", help="keys to press before")
    parser.add_argument("--size", default="80x24", help="columns x lines (80x24)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/img/top.png", help="where to (docs/img/top.png)")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    command = [sys.executable, "-m", "edgefuse", "top"]
    with nullcontext() if options.running else simulate(), Terminal(command, width, height, ENVIRON) as terminal:
        terminal.wait_until(lambda cells: "q quit" in cells.text)
        terminal.type(options.keys)
        end_s = time.monotonic() + options.seconds
        while time.monotonic() < end_s:
            terminal.read(0.2)
        draw_cells(terminal.cells, options.out)
        terminal.type("q")
        terminal.finish()
    print(f"wrote {options.out}")


@contextmanager
def simulate() -> Iterator[None]:
    """Let a simulated unit answer for this process and its children, a second older every second."""
    ended = threading.Event()

    def age() -> None:
        second = 0
        while not ended.wait(1.0):
            second += 1
            supervisor.status = warmed_up(second)

    with tempfile.TemporaryDirectory(prefix="ef") as root:
        os.environ["EDGEFUSE_ROOT"] = root
        supervisor = FakeSupervisor(warmed_up(0))
        with supervisor.listen():
            threading.Thread(target=age, daemon=True).start()
            yield
        ended.set()


if __name__ == "__main__":
    main()
