"""The contract of a subcommand; implementations live in ``edgefuse/cli/``, one file each.

A command file imports numpy, OpenCV and runtimes inside ``run`` only: ``edgefuse --help`` loads every file.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

INTERRUPTED = 130
"""Exit code after Ctrl-C or ``kill``, as shells give it."""


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand, named by its file."""

    help: str
    """One line, imperative."""
    example: str
    """A command line that works."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Gives the exit code; raises EdgefuseError for what the user can mend."""
