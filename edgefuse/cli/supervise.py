"""``edgefuse supervise``: keep the pipeline running and cool; what systemd starts."""

from __future__ import annotations

import argparse
import os
import sys

from edgefuse.command import Command
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: all that can be chosen stands in the site configuration."""


def _run(options: argparse.Namespace) -> int:
    """Become the daemon: its process carries nothing of the command line, and keeps its number for systemd."""
    verbose = ["--verbose"] if options.verbose else []
    command = module_command(sys.executable, "edgefuse.supervisor", *verbose)
    os.execve(command[0], command, child_environment())


PLUGIN = Command(
    help="keep the pipeline of this unit running and cool, as etc/edgefuse/edgefuse.yaml says; systemd starts it",
    example="edgefuse supervise",
    add_arguments=_add_arguments,
    run=_run,
)
