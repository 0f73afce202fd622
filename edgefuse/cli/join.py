"""``edgefuse join``: make this unit a device of a fleet."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from edgefuse import disk, paths
from edgefuse.command import Command
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.link.credentials import LINE_START, Enrolment, decode_line, holds, install_credentials

MAX_BYTES = 1 << 16


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE|-", help="what edgefuse fleet enrol gave; - asks for the line")
    parser.add_argument("--replace", action="store_true", help="put it in place of the credentials that are here")


def _run(options: argparse.Namespace) -> int:
    enrolment = decode_line(_read(options.file))
    folder = paths.config_dir() / "link"
    if holds(folder, enrolment):
        print(f"this unit is {enrolment.device_id} already; nothing was changed")
    elif folder.exists() and not options.replace:
        raise EdgefuseError(
            f"cannot join as {enrolment.device_id}: {folder} has other credentials; --replace puts these in their place"
        )
    else:
        install_credentials(enrolment, folder, _find_owner(folder))
        print(f"this unit is {enrolment.device_id} now; credentials: {folder}")
    _print_next(enrolment, options.file)
    return 0


def _read(file: str) -> str:
    """Give the line; never from the command line, which every user of this machine can see.

    Raises:
        ConfigError: It was given as an argument.
        StoreError: The file cannot be read.
    """
    if file.startswith(LINE_START):
        raise ConfigError(
            "cannot join by an argument: all users of this machine see it, and it holds a secret key; "
            "edgefuse join - asks for the line"
        )
    if file == "-":
        return getpass.getpass("the line: ") if sys.stdin.isatty() else sys.stdin.read(MAX_BYTES)
    return disk.read_file(Path(file))[:MAX_BYTES].decode(errors="replace")


def _find_owner(folder: Path) -> os.stat_result:
    """Give whose the state is: the service's user where root joins for the service, else whoever runs this."""
    state = paths.state_dir()
    folder.parent.mkdir(parents=True, exist_ok=True)
    return state.stat() if os.geteuid() == 0 and state.exists() else folder.parent.stat()


def _print_next(enrolment: Enrolment, file: str) -> None:
    site = paths.config_dir() / "edgefuse.yaml"
    print(f"{site} needs this section, if it has none yet:\n")
    print(f"link:\n  broker: {enrolment.broker}\n  device_id: {enrolment.device_id}\n")
    if file != "-":
        print(f"{file} holds the secret key too and is not needed any more: rm {file}")


PLUGIN = Command(
    help="make this unit a device of a fleet, with what edgefuse fleet enrol gave",
    example="edgefuse join door-3.join",
    add_arguments=_add_arguments,
    run=_run,
)
