"""``edgefuse uninstall-service``: the service and all its parts off a board or an image."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from edgefuse.command import Command
from edgefuse.install.removal import Removed, uninstall
from edgefuse.install.target import Target


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", metavar="DIR", type=Path, default=Path("/"), help="root folder of an image")
    parser.add_argument("--purge", action="store_true", help="remove configuration, models, state, user and group too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(options: argparse.Namespace) -> int:
    removed = uninstall(Target(options.root.resolve()), is_purge=options.purge)
    print(msgspec.json.format(msgspec.json.encode(removed), indent=1).decode() if options.json else describe(removed))
    return 0


def describe(report: Removed) -> str:
    """Give the report as people read it."""
    lines = [f"removed {path}" for path in report.removed] or ["nothing to remove: the service is not installed"]
    lines += [f"kept    {path} (--purge removes it)" for path in report.kept]
    return "\n".join(lines)


PLUGIN = Command(
    help="stop the service and remove it",
    example="sudo edgefuse uninstall-service --purge",
    add_arguments=_add_arguments,
    run=_run,
)
