"""What bench commands do around their measuring: text or JSON, and one line for why there is no figure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TypeVar

import msgspec

from edgefuse.errors import EdgefuseError

Figures = TypeVar("Figures")


def run_bench(
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], Figures],
    describe: Callable[[Figures], str],
) -> tuple[argparse.Namespace, Figures]:
    """Parse the command line, to which ``--json`` is added, measure, and print.

    Returns:
        The options and what was measured.

    Raises:
        SystemExit: With code 2 if it cannot be measured; stderr says why.
    """
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    try:
        figures = measure(options)
    except EdgefuseError as e:
        print(f"{parser.prog}: {e}", file=sys.stderr)
        raise SystemExit(2) from e
    print(msgspec.json.encode(figures).decode() if options.json else describe(figures))
    return options, figures
