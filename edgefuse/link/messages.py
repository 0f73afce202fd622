"""What travels over MQTT: typed JSON objects, ``v`` first, units in the names.

A reader ignores keys that it does not know and refuses a major version that it does not know. No message holds a number
that is not finite: JSON has none, and msgspec would write ``null``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import msgspec

from edgefuse.store.release import ReleaseId

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]
"""Of commands, deployments, blobs; it is part of topics."""

Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
"""What every reader of JSON reads exactly."""

NOTHING = msgspec.Raw(b"null")

Band = Literal["cool", "warm", "hot", "critical"]
Presence = Literal["online", "offline"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What every message begins with."""

    v: Literal[1] = 1
    """Major version of this form."""

    def __post_init__(self) -> None:
        """Refuse numbers that JSON cannot hold, before they are written and after they are read."""
        for field in self.__struct_fields__:
            value = getattr(self, field)
            for number in value.values() if isinstance(value, Mapping) else (value,):
                if isinstance(number, float) and not math.isfinite(number):
                    raise ValueError(f"{field} holds {number}, which is no measurement")


class Timed(Message, frozen=True, kw_only=True):
    """A message of one moment."""

    t: str
    """Wall time, ISO 8601 in UTC."""


class State(Timed, frozen=True, kw_only=True):
    """Whether the device is there and what runs on it; retained."""

    presence: Presence
    since: str = ""
    """When that began, by the device's clock; empty where the broker says it in its place, long after ``t``."""
    version: str
    """Of edgefuse."""
    release: str
    service: str
    """State of the pipeline's service."""
    mode: str
    """How often it reports: ``normal metered watch``."""
    mqtt: str
    """Version of the protocol that this broker understood."""
    boot: str
    """Names this start of the supervisor; another one tells a restart from a lost connection."""


class Inventory(Timed, frozen=True, kw_only=True):
    """What the device is and what it decided to run; retained."""

    profile: str
    board: str
    host: Mapping[str, str]
    """Facts of the machine."""
    runtimes: Mapping[str, str]
    """Versions, or why one is of no use."""
    choices: Mapping[str, str]
    """The chosen model, variant and runtime by task and input size."""
    rejections: Mapping[str, tuple[str, ...]]
    """Why not each other variant, by model."""
    passed_over: Mapping[str, tuple[str, ...]] = {}
    """What would have been better than a choice and why it cannot run here, by the same keys as the choices."""


class SystemReport(Timed, frozen=True, kw_only=True):
    """How the machine is; every ten seconds."""

    n: int
    """Counts this device's reports since the supervisor started."""
    temp_c: Mapping[str, float]
    """By zone."""
    band: Band
    is_throttled: bool = msgspec.field(name="throttled")
    power_w: float | None = None
    mem_mb: float
    """Supervisor and worker."""
    disk_free_mb: float


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from capture to delivery."""

    p50: float
    p95: float
    p99: float


class PipelineReport(Timed, frozen=True, kw_only=True):
    """How the pipeline is; every ten seconds while one runs."""

    n: int
    fps_in: float
    fps: float
    dropped: int
    """Since the worker started."""
    latency_ms: Latency
    faces: float
    """A delivered frame, on average."""
    width_px: int
    height_px: int
    point: int
    effect: str
    release: str


class Event(Timed, frozen=True, kw_only=True):
    """Something worth a human's attention; kept on disk until the broker has it."""

    stream: str
    """Names one life of the device's spool."""
    n: int
    """Counts up within the stream, with gaps; a reader that has seen it ignores it."""
    level: Literal["info", "warning", "error"]
    kind: str
    """One of a fixed vocabulary, such as ``worker_crashed``."""
    text: str


class Deployment(Timed, frozen=True, kw_only=True):
    """How the newest deployment stands; retained."""

    id: Id
    release: str
    state: Annotated[str, msgspec.Meta(pattern=r"^[A-Z_]{1,32}\Z")]
    """A step, and in the end how it ended, see ``edgefuse.ota.deployment``."""
    seq: Count
    """Counts up; an older one never replaces a newer."""
    reason: str = ""
    gates: Mapping[str, float] = {}
    """What was measured, by gate."""
    done_bytes: Count = 0
    """Fetched or rebuilt in this step."""
    total_bytes: Count = 0
    """In this step; 0 where it fetches and rebuilds nothing, or nobody knows yet."""
    ended_at: str = ""
    """When it ended, by the device's clock; empty while it is under way."""


class Desired(Message, frozen=True, kw_only=True):
    """Which release the fleet would like to see here. A hint: signed metadata decides."""

    release: ReleaseId
    deployment: Id
    seq: Count
    """Counts up; an older one never replaces a newer."""


class Command(Message, frozen=True, kw_only=True):
    """What an operator asks of one device; travels inside a signed envelope only."""

    id: Id
    """The same one again gives the same reply."""
    device: str
    key_id: str
    """Of the operator's key that signed it."""
    seq: Count
    """Counts up for each key and device; an old one is refused."""
    expires_at: str
    """Wall time, ISO 8601 with a zone."""
    command: str
    args: msgspec.Raw = msgspec.Raw(b"{}")
    """JSON, in a form that the command defines."""


class Reply(Timed, frozen=True, kw_only=True):
    """What came of a command."""

    id: Id
    outcome: Literal["done", "refused", "failed"]
    """``refused``: nothing was tried. ``failed``: it was."""
    reason: str = ""
    result: msgspec.Raw = NOTHING
    """JSON, in a form that the command defines."""
    challenge: str = ""
    """What ``set-clock`` must answer, from a device that cannot judge times now."""


class BlobChunk(Message, frozen=True, kw_only=True):
    """A piece of a file that a command asked for."""

    id: Id
    """Of the command."""
    kind: Literal["snapshot", "logs"]
    total_bytes: int
    offset_bytes: int
    sha256: str
    """Of the whole file, in hex."""
    data: bytes
    """Base64 in JSON."""


S = TypeVar("S", bound=msgspec.Struct)


def encode(message: msgspec.Struct) -> bytes:
    """Give a message as it is published."""
    return msgspec.json.encode(message)


def decode(payload: bytes | msgspec.Raw, kind: type[S]) -> S:
    """Read what somebody else wrote.

    Raises:
        ValueError: It is no such message, or of a version that this edgefuse does not know; the text says why.
    """
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:  # the last for brackets without end
        raise ValueError(str(e)) from e
