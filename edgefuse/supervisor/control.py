"""The contract of the control socket, and asking over it: one JSON object a line, a request and its reply.

Who may open the socket (root and the group ``edgefuse``) may do everything that is here.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from edgefuse import ipc, paths
from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import EdgefuseError
from edgefuse.ota.bad_list import Bad
from edgefuse.ota.deployment import Deployment
from edgefuse.ota.gates import Finding
from edgefuse.planning.plan import Plan

_SERVICE_SOCKET, _SERVICE_STATE = Path("/run/edgefuse/control.sock"), Path("/var/lib/edgefuse")

ServiceState = Literal["STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "FATAL"]
Band = Literal["cool", "warm", "hot", "critical"]
Origin = Literal["pin", "site", "profile", "governor", "default"]
"""What decided a setting; an earlier word wins over a later one."""


class Request(msgspec.Struct, frozen=True, tag_field="ask"):
    """What stands on a request's line; the key ``ask`` names its class."""


class GetStatus(Request, frozen=True, kw_only=True, tag="status"):
    """Answered by ``Status``."""


class Watch(Request, frozen=True, kw_only=True, tag="watch"):
    """Answered by a ``Status`` now and one every ``interval_s``, until the connection is closed."""

    interval_s: float = 1.0


class SetPin(Request, frozen=True, kw_only=True, tag="pin"):
    """Pin a setting over everything else, or take the pin away with an empty value; kept over restarts."""

    setting: Literal["effect", "face", "point"]
    value: str


class SetPaused(Request, frozen=True, kw_only=True, tag="pause"):
    """Let the pipeline rest, or go on; kept over restarts."""

    is_paused: bool


class TakeSnapshot(Request, frozen=True, kw_only=True, tag="snapshot"):
    """Write the next delivered frame as a picture to ``path``, with the supervisor's rights."""

    path: str


class CancelUpdate(Request, frozen=True, kw_only=True, tag="cancel_update"):
    """End the deployment that is under way."""

    reason: str = ""


class GetHistory(Request, frozen=True, kw_only=True, tag="history"):
    """Answered by ``History``."""


AnyRequest = GetStatus | Watch | SetPin | SetPaused | TakeSnapshot | CancelUpdate | GetHistory


class Setting(msgspec.Struct, frozen=True):
    """A setting in force, and what decided it."""

    value: str
    origin: Origin
    since: str = ""
    """Wall time of a pin, ISO 8601."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something worth a human's attention."""

    at: str
    """Wall time, ISO 8601."""
    level: Literal["info", "warning", "error"]
    kind: str
    """One of a fixed vocabulary, such as ``worker_crashed``."""
    text: str


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """What the zones read and what the governor makes of it."""

    temps_c: Mapping[str, float]
    stale: tuple[str, ...] = ()
    """Zones that gave no sane reading lately; the last one is held."""
    trips_c: Mapping[str, float] = {}
    """Where the trip of a zone lies, by the names in ``temps_c``; a zone without one is only watched."""
    band: Band = "cool"
    margin_c: float | None = None
    """To the nearest trip; nothing where no trip can be told."""
    is_throttled: bool = False
    power_w: float | None = None
    point_reason: str = ""
    """Why the governor is at this point."""


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised child."""

    name: str
    state: ServiceState
    reason: str = ""
    """Why it is in that state, where that needs a word."""
    pid: int | None = None
    since_s: float
    """Seconds in that state."""
    restarts: int = 0
    retry_in_s: float | None = None
    is_flapping: bool = False
    memory_limit_mb: float | None = None


class DeploymentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the newest deployment stands."""

    seq: int
    """Of its report; another one means that something of it has changed."""
    deployment: Deployment
    findings: tuple[Finding, ...] = ()
    """Of its trial, so far."""
    done_bytes: int = 0
    total_bytes: int = 0
    """To be fetched; zero where nothing is, or nobody knows yet."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of this unit right now."""

    v: int = 1
    version: str
    board: str
    profile: str
    release: str
    uptime_s: float
    service: ServiceStatus
    settings: Mapping[str, Setting]
    """``effect face point source sink memory_mb``, each with what decided it."""
    heartbeat: ipc.Heartbeat | None = None
    """The newest; nothing while no worker runs."""
    heat: Heat
    ladder: tuple[OperatingPoint, ...] = ()
    """Points of the profile."""
    plan: Plan | None = None
    events: tuple[Event, ...] = ()
    """The newest last."""
    supervisor_mb: float = 0.0
    deployment: DeploymentStatus | None = None
    """The newest, under way or over; nothing where there was none."""


class Done(msgspec.Struct, frozen=True, tag_field="reply", tag="done"):
    """It was done."""


class Refused(msgspec.Struct, frozen=True, tag_field="reply", tag="refused"):
    """It was not done."""

    reason: str


class Told(msgspec.Struct, frozen=True, tag_field="reply", tag="status"):
    """The status that was asked for."""

    status: Status


class History(msgspec.Struct, frozen=True, tag_field="reply", tag="history"):
    """What was installed here, or was to be."""

    deployments: tuple[Deployment, ...]
    """The newest last."""
    bad: tuple[Bad, ...]
    """What failed here, and is not started again."""


Reply = Done | Refused | Told | History


def socket_path() -> Path:
    """Give the place where a supervisor of this root listens."""
    return paths.run_dir() / "control.sock"


def ask(request: AnyRequest, timeout_s: float = 5.0) -> Reply:
    """Ask the supervisor of this unit.

    Raises:
        EdgefuseError: None runs, it may not be asked by this user, or it does not answer.
    """
    for reply in asking(request, timeout_s):
        return reply
    raise EdgefuseError("cannot ask the supervisor: it went away before it answered; ask again")


def asking(request: AnyRequest, timeout_s: float = 5.0) -> Iterator[Reply]:
    """Ask, and give one reply after the other, until the supervisor closes the connection.

    Raises:
        EdgefuseError: None runs, it may not be asked by this user, or it does not answer.
    """
    path = asked_socket()
    decoder = msgspec.json.Decoder(Reply)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(msgspec.json.encode(request) + b"\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    if not line.endswith(b"\n"):
                        return  # cut off in the middle: the supervisor has ended, or gave this client up
                    yield decoder.decode(line)
    except (FileNotFoundError, ConnectionRefusedError) as e:
        raise EdgefuseError(
            f"cannot ask the supervisor: none runs at {path}; systemctl start edgefuse, or `edgefuse supervise`"
        ) from e
    except PermissionError as e:
        raise EdgefuseError(
            f"cannot ask the supervisor: {path} is for root and the group edgefuse; "
            "sudo usermod -aG edgefuse $USER, then log in again"
        ) from e
    except OSError as e:
        reason = f"no answer within {timeout_s:g} s" if isinstance(e, TimeoutError) else e.strerror or e
        raise EdgefuseError(f"cannot ask the supervisor: {reason}") from e
    except msgspec.DecodeError as e:
        raise EdgefuseError(
            f"cannot ask the supervisor: it is of another version of edgefuse ({e}); systemctl restart edgefuse"
        ) from e


def asked_socket() -> Path:
    """Give the socket that ``ask`` connects to."""
    return _SERVICE_SOCKET if is_service_asked() else socket_path()


def is_service_asked() -> bool:
    """Tell whether this process asks the installed service, not a supervisor that a person started for a try.

    Who may ask the service needs no right to write where it keeps its state, so its root is not this process's root.
    """
    is_tried = "EDGEFUSE_ROOT" in os.environ or (paths.root() != Path("/") and socket_path().exists())
    return _SERVICE_STATE.is_dir() and not is_tried
