"""``edgefuse fleet init | enrol | label | rotate | revoke``: a site, its devices, and the end of trust."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from edgefuse import disk, paths
from edgefuse.cli._fleet_actions import add_action, add_site, site_folder
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.broker import reload_broker
from edgefuse.fleet.labels import parse_labels, relabel, show_labels
from edgefuse.fleet.site import load_register
from edgefuse.link.credentials import Enrolment, encode_line

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions


def add_actions(actions: Actions) -> None:
    """Add what makes and ends trust."""
    init = add_action(actions, "init", "make a site: authority, keys, broker configuration", " --host b.example", _init)
    init.add_argument("site", metavar="FOLDER", type=Path, nargs="?", help=f"to make (default {paths.fleet_dir()})")
    init.add_argument("--host", default=socket.gethostname(), help="broker's name or address (default %(default)s)")
    init.add_argument(
        "--port", type=int, default=8883, help="for devices; operators get the next (default %(default)s)"
    )

    enrol = add_action(actions, "enrol", "take a device in and give what it joins with", " door-3", _enrol)
    enrol.add_argument("device", metavar="NAME", help="a-z 0-9 and -")
    enrol.add_argument(
        "--label",
        dest="labels",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="to find it by; can be repeated",
    )
    _add_file(enrol)

    label = add_action(actions, "label", "change what a device is found by", " door-3 site=north floor-", _label)
    label.add_argument("device", metavar="NAME")
    label.add_argument("changes", metavar="KEY=VALUE|KEY-", nargs="+", help="to give it, or to take away")
    add_site(label)

    about = "give a device new keys; without a NAME, make a new key to sign commands with"
    rotate = add_action(actions, "rotate", about, " door-3", _rotate)
    rotate.add_argument("device", metavar="NAME", nargs="?")
    _add_file(rotate)

    revoke = add_action(actions, "revoke", "trust a device no longer", " door-3", _revoke)
    revoke.add_argument("device", metavar="NAME")
    add_site(revoke)


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="to write (default NAME.join); - prints the line")
    add_site(parser)


def _init(options: argparse.Namespace) -> int:
    need_certificates()
    from edgefuse.fleet.enrolment import init_site

    folder = site_folder(options)
    register = init_site(folder, options.host, options.port)
    print(f"made a site in {folder}; who has this folder commands the fleet: keep a copy where nobody finds it")
    print(f"devices connect to {register.devices_url}, operators to port {register.port + 1}")
    print(f"broker: mosquitto -c {folder}/mosquitto.conf")
    print("next:   edgefuse fleet enrol NAME")
    return 0


def _enrol(options: argparse.Namespace) -> int:
    need_certificates()
    from edgefuse.fleet.enrolment import enrol

    folder = site_folder(options)
    was_revoked = options.device in load_register(folder).members
    _give(options, partial(enrol, labels=parse_labels(options.labels)))
    if was_revoked:
        tell_broker(folder)
    return 0


def _label(options: argparse.Namespace) -> int:
    labels = relabel(site_folder(options), options.device, options.changes)
    print(f"{options.device}: {show_labels(labels) or 'no labels'}")
    return 0


def _rotate(options: argparse.Namespace) -> int:
    need_certificates()
    from edgefuse.fleet.enrolment import rotate, rotate_signing_key

    folder = site_folder(options)
    if options.device is not None:
        _give(options, rotate)
        tell_broker(folder)
        return 0
    waiting = rotate_signing_key(folder)
    print("made a new key to sign commands with; each device learns it when it is rotated and joins again:")
    print("\n".join(f"  edgefuse fleet rotate {device}" for device in waiting) or "  there is none yet")
    return 0


def _revoke(options: argparse.Namespace) -> int:
    need_certificates()
    from edgefuse.fleet.enrolment import revoke

    revoke(site_folder(options), options.device)
    print(f"{options.device} is trusted no longer")
    tell_broker(site_folder(options))
    return 0


def _give(options: argparse.Namespace, make: Callable[[Path, str], Enrolment]) -> None:
    """Write or print what ``make`` gives; a place that cannot be written is told before anything is made.

    Raises:
        EdgefuseError: The file exists, or ``make`` refuses.
        StoreError: It cannot be written.
    """
    folder, device = site_folder(options), options.device
    if options.file == "-":
        print(encode_line(make(folder, device)))
        print(f"on {device}: edgefuse join - and paste the line; it holds a secret key", file=sys.stderr)
        return
    path = Path(options.file or f"{device}.join")
    if path.exists():
        raise EdgefuseError(f"cannot write {path}: it exists; remove it or name another file")
    with disk.writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        try:
            file.write(encode_line(make(folder, device)) + "\n")
        except BaseException:
            path.unlink()
            raise
    print(f"wrote {path}, which holds a secret key; on {device}: edgefuse join {path.name}")


def tell_broker(folder: Path) -> None:
    """Have the broker take note of who is trusted now, or say that somebody must."""
    if reload_broker(folder):
        print("the broker knows", file=sys.stderr)
    else:
        print(
            "the broker is not running here; elsewhere it needs the files acl and revoked.pem, and a SIGHUP",
            file=sys.stderr,
        )


def need_certificates() -> None:
    """Tell early what certificates cannot be made without.

    Raises:
        EdgefuseError: It is not installed.
    """
    if find_spec("cryptography") is None:
        raise EdgefuseError("cannot make certificates: cryptography is not installed; pip install 'edgefuse[fleet]'")
