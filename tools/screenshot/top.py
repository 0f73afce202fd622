"""Take the picture of ``edgefuse top``: the real command in a terminal, beside the supervisor of this root.

Usage: tools/docs/top_picture [--seconds N] [--keys KEYS] [--size 80x24] [--out docs/img/top.png]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from screenshot.picture import draw_cells
from screenshot.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
ENVIRON = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": ""}


def main() -> None:
    """Watch for a while, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=75.0, help="how long to watch, a column a second (75)")
    parser.add_argument("--keys", default="", help="keys to press before")
    parser.add_argument("--size", default="80x24", help="columns x lines (80x24)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/img/top.png", help="where to (docs/img/top.png)")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with Terminal([sys.executable, "-m", "edgefuse", "top"], width, height, ENVIRON) as terminal:
        terminal.wait_until(lambda cells: "q quit" in cells.text)
        terminal.type(options.keys)
        end_s = time.monotonic() + options.seconds
        while time.monotonic() < end_s:
            terminal.read(0.2)
        draw_cells(terminal.cells, options.out)
        terminal.type("q")
        terminal.finish()
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
