"""What ``edgefuse up`` makes in the folder of this user, once: a site, and this machine as its device.

What is there already is used as it is.
"""

from __future__ import annotations

import os
import re
import socket
from importlib.util import find_spec
from pathlib import Path

from edgefuse import disk, paths
from edgefuse.config.link import DEVICE_ID
from edgefuse.console.tokens import make_token
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.authority import read_name
from edgefuse.fleet.enrolment import enrol, init_site, rotate
from edgefuse.fleet.exporter import LOOPBACK
from edgefuse.fleet.site import Register, load_register
from edgefuse.link.credentials import install_credentials
from edgefuse.up.ports import find_port

BROKER_PORT = 8883
"""Taken where it and the next are free; else later ones."""
CONSOLE_PORT = 8090
TOKEN = "up"
"""What the token of whoever started it is called."""
_ELSEWHERE = "EDGEFUSE_ROOT=FOLDER edgefuse up makes everything in another folder"


def open_root() -> Path:
    """Give the folder that everything lies in, for its owner alone where it is made now; children use it too.

    Raises:
        EdgefuseError: It is the system's.
        StoreError: It cannot be made or written.
    """
    root = paths.root()
    if root == Path("/"):
        raise EdgefuseError(
            f"cannot bring edgefuse up: the service is installed on this machine (edgefuse status); {_ELSEWHERE}"
        )
    with disk.writing(root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths.run_dir().mkdir(parents=True, exist_ok=True)
    os.environ["EDGEFUSE_ROOT"] = str(root)
    return root


def open_site(folder: Path) -> Register:
    """Give the site of this machine, made now where there is none.

    Raises:
        EdgefuseError: There is one whose broker is elsewhere, or no port is free.
        StoreError: The folder cannot be written.
    """
    if not (folder / "site.json").exists():
        return init_site(folder, "localhost", find_port(BROKER_PORT, count=2))
    register = load_register(folder)
    if not register.is_local:
        raise EdgefuseError(
            f"cannot bring up a broker for the site in {folder}: its broker is on {register.host}; {_ELSEWHERE}"
        )
    return register


def open_console(site: Path) -> tuple[int, str] | None:
    """Give the port of the console and the address that lets this user in; nothing where its server is not installed.

    The address of the last start lets nobody in any more.

    Raises:
        EdgefuseError: No port is free.
        StoreError: The folder cannot be written.
    """
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        return None
    port = find_port(CONSOLE_PORT)
    return port, f"http://{LOOPBACK}:{port}/#token={make_token(site, TOKEN, 'operator')}"


def join(site: Path) -> str:
    """Make this machine a device of the site, where it is none yet, and give its name.

    Raises:
        EdgefuseError: It is a device of another site.
        StoreError: The credentials cannot be read or written.
    """
    folder = paths.config_dir() / "link"
    if (folder / "device.pem").exists():
        name = read_name(_read(folder / "device.pem"))
        if _read(folder / "ca.pem").split() != _read(site / "ca.pem").split():
            raise EdgefuseError(f"cannot join the site in {site}: this machine is '{name}' of another; {_ELSEWHERE}")
        return name
    name = make_name(socket.gethostname())
    member = load_register(site).members.get(name)
    make = enrol if member is None or member.is_revoked else rotate
    folder.parent.mkdir(parents=True, exist_ok=True)
    install_credentials(make(site, name), folder, folder.parent.stat())
    return name


def make_name(host: str) -> str:
    """Give a host's name as a device may be called."""
    name = re.sub("[^a-z0-9]+", "-", host.lower()).strip("-")[:63].strip("-")
    return name if re.match(DEVICE_ID, name) else "this-machine"


def _read(path: Path) -> bytes:
    return disk.read_file(path)
