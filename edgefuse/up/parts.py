"""Which programs ``edgefuse up`` runs, and how to tell that they are ready."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from edgefuse.errors import EdgefuseError
from edgefuse.fleet.site import Register
from edgefuse.interpreter import module_command
from edgefuse.supervisor.control import GetStatus, ask
from edgefuse.up.home import is_free


@dataclass(frozen=True, slots=True)
class Part:
    """One program."""

    name: str
    command: list[str]
    is_ready: Callable[[], bool]
    limit_s: float
    """For its end, once it was asked to."""


def broker_part(site: Path, register: Register) -> tuple[Part, str]:
    """Give the broker, and what it is: mosquitto where it is on the PATH.

    Raises:
        EdgefuseError: There is neither, or another program has its ports.
    """
    ports = (register.port, register.operators_broker.port)
    for port in ports:
        if not is_free(port):
            raise EdgefuseError(f"cannot start the broker: port {port} is taken; end what has it (ss -ltnp)")
    command, what = _find_broker(site)
    return Part("broker", command, lambda: all(map(_listens, ports)), limit_s=0.5), what


def supervisor_part() -> Part:
    """Give the supervisor, which runs the pipeline and the link."""
    return Part("supervisor", module_command(sys.executable, "edgefuse.supervisor"), supervisor_answers, limit_s=3.0)


def controller_part() -> Part:
    """Give the controller, which keeps what devices say."""
    command = module_command(sys.executable, "edgefuse", "fleet", "serve")
    return Part("controller", command, lambda: True, limit_s=1.0)


def _find_broker(site: Path) -> tuple[list[str], str]:
    if mosquitto := shutil.which("mosquitto"):
        return [mosquitto, "-c", str(site / "mosquitto.conf")], mosquitto
    if find_spec("amqtt") is None:
        raise EdgefuseError(
            "cannot start a broker: mosquitto is not on the PATH and amqtt is not installed; "
            "apt install mosquitto, or pip install 'edgefuse[up]'"
        )
    return module_command(sys.executable, "edgefuse.fleet.embedded", str(site)), "amqtt (mosquitto is not on the PATH)"


def tied(command: list[str]) -> list[str]:
    """Give a command that ends when this process ends, however that comes."""
    return module_command(sys.executable, "edgefuse.up.tied", str(os.getpid()), *command)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def supervisor_answers() -> bool:
    """Tell whether one runs in this folder."""
    try:
        ask(GetStatus())
    except EdgefuseError:
        return False
    return True
