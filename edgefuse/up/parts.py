"""Which programs ``edgefuse up`` runs, and how to tell that they are ready."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from edgefuse.errors import EdgefuseError
from edgefuse.fleet.site import Register
from edgefuse.interpreter import module_command
from edgefuse.supervisor.control import GetStatus, Status, Told, ask
from edgefuse.up.ports import is_free, listens


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
    return Part("broker", command, lambda: all(map(listens, ports)), limit_s=0.5), what


def supervisor_part() -> Part:
    """Give the supervisor, which runs the pipeline and the link."""
    command = module_command(sys.executable, "edgefuse.supervisor")
    return Part("supervisor", command, lambda: ask_status() is not None, limit_s=3.0)


def controller_part(console_port: int | None) -> Part:
    """Give the controller, which keeps what devices say, and shows it at a port where there is one."""
    command = module_command(sys.executable, "edgefuse", "fleet", "serve")
    if console_port is None:
        return Part("controller", command, lambda: True, limit_s=1.0)
    return Part("controller", [*command, "--console", str(console_port)], lambda: listens(console_port), limit_s=1.0)


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


def ask_status() -> Status | None:
    """Ask the supervisor of this folder how it is; nothing where none answers."""
    try:
        reply = ask(GetStatus())
    except EdgefuseError:
        return None
    return reply.status if isinstance(reply, Told) else None
