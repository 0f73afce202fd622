"""What supervisor and worker say to each other: one typed JSON object a line, over a socket pair.

    supervisor ── Start, then SetPoint SetEffect Pause Resume Snapshot Try Keep GoBack Stop ──► worker
               ◄── Alive …, then Planned Opened Heartbeat Compared TrialFailed Answer Failed ─────

Pixels never cross: a snapshot is a file that the worker writes. Both sides ship in one package, so there is no version
here; what one side does not know is a defect and raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from edgefuse.planning.plan import Plan
from edgefuse.store.state import Crash, Setup

MAX_LINE_BYTES = 1 << 20
"""A plan with every rejection is 60 kB; a line beyond this is no message."""


class Message(msgspec.Struct, frozen=True, tag_field="is"):
    """What stands on a line; the key ``is`` names its class."""


class Start(Message, frozen=True, kw_only=True, tag=True):
    """What to run; the first message, sent once."""

    source: str
    sink: str
    effect: str
    settings: Mapping[str, Mapping[str, str]] = {}
    """Stage options by stage and key, values as YAML text; a donor's photo is ``fuse_mesh.face`` among them."""
    profile: str | None = None
    """Profile to use in place of the one that matches."""
    point: int = 0
    is_paused: bool = False
    """Take no frame before ``Resume``."""
    memory_mb: int | None = None
    """Limit in place of the profile's."""
    crashes: tuple[Crash, ...] | None = None
    """What the supervisor remembers of models that crashed; nothing means that the worker reads it from the disk."""
    release: str | None = None
    """Release to run in place of the one that is live: it is on trial, and there is no room for both."""


class SetPoint(Message, frozen=True, kw_only=True, tag=True):
    """Take this operating point from the next captured frame on."""

    point: int


class SetEffect(Message, frozen=True, kw_only=True, tag=True):
    """Go over to another effect, or to the same one with other settings, between two frames; answered.

    A trial ends first, as by ``GoBack``.
    """

    id: int
    effect: str
    settings: Mapping[str, Mapping[str, str]]
    """Stage options by stage and key, values as YAML text."""


class Pause(Message, frozen=True, kw_only=True, tag=True):
    """Let the source rest and deliver nothing, which shows nobody's face, until ``Resume``."""


class Resume(Message, frozen=True, kw_only=True, tag=True):
    """Take frames again."""


class Snapshot(Message, frozen=True, kw_only=True, tag=True):
    """Write the next delivered frame as a picture; answered."""

    id: int
    path: str


class Try(Message, frozen=True, kw_only=True, tag=True):
    """Open another release beside the one that runs, and compare both on the same frames; answered once it is open.

    What is delivered stays that of the release that runs. ``Planned`` with ``is_trial`` comes before its models are
    opened, ``Compared`` after each block of frames, and ``TrialFailed`` where it fails by itself.
    """

    id: int
    release: str


class Keep(Message, frozen=True, kw_only=True, tag=True):
    """Let the release on trial take over from the next captured frame on; answered when the one before is closed.

    ``Planned`` without ``is_trial`` comes before the answer.
    """

    id: int


class GoBack(Message, frozen=True, kw_only=True, tag=True):
    """Close the release on trial; nothing happens where there is none."""


class Stop(Message, frozen=True, kw_only=True, tag=True):
    """Deliver what is under way, and end."""


ToWorker = Start | SetPoint | SetEffect | Pause | Resume | Snapshot | Try | Keep | GoBack | Stop


class Alive(Message, frozen=True, kw_only=True, tag=True):
    """The process runs; sent again and again until ``Planned``. From then on silence means nothing until ``Opened``."""


class Planned(Message, frozen=True, kw_only=True, tag=True):
    """What will run; comes before the models are opened, and again when a release that was on trial has taken over."""

    plan: Plan
    setups: tuple[Setup, ...]
    """What each choice of the plan stands for, in its order: what a crash is remembered by."""
    first_place: int = 0
    """Place of the first choice among the breadcrumbs, see ``edgefuse.in_flight``."""
    is_trial: bool = False
    """It is opened beside what runs, to be compared with it."""


class Opened(Message, frozen=True, kw_only=True, tag=True):
    """Everything is open and warm; frames follow."""

    width_px: int
    height_px: int
    startup_s: Mapping[str, float]
    """What the start took, by step."""


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds until delivery."""

    p50: float
    p95: float
    p99: float


SourceState = Literal["flowing", "waiting", "paused"]


class Heartbeat(Message, frozen=True, kw_only=True, tag=True):
    """How it goes; counts are since the start of the worker, rates since the last heartbeat."""

    frames_in: int
    frames_out: int
    dropped: int
    skipped: int
    failures: int
    """Frames on which a model failed."""
    source_losses: int
    source: SourceState
    """``waiting`` for a live source that went away."""
    missing: str = ""
    """Why it is waited for."""
    fps_in: float
    fps: float
    faces: float
    """A delivered frame, on average."""
    latency_ms: Latency
    """Since the last heartbeat."""
    frame_ms: float
    """Time of the slowest thread for a frame, median: what the rate is bounded by."""
    stages_ms: Mapping[str, float]
    """Median of each stage."""
    point: int
    effect: str
    rss_mb: float
    temps_c: Mapping[str, float] = {}
    """Of accelerators that only their runtime can ask, such as the Neural Compute Stick."""


class Times(msgspec.Struct, frozen=True):
    """How long the frames of a block took from find to sink, in milliseconds."""

    median_ms: float
    p95_ms: float


class Compared(Message, frozen=True, kw_only=True, tag=True):
    """One block of frames that both the release that runs and the one on trial worked on."""

    point: int
    block_s: float
    """From the end of the block before to the end of this one."""
    old: Times
    new: Times
    old_faces: int
    """That the release which runs found in the frames of the block."""
    both_faces: int
    """Those of them that the one on trial found, too."""
    fps_in: float
    """Frames a second that were to be delivered: of the source, but for those above the point's rate."""
    fps: float
    """That were delivered since the block before, or fewer, where the one on trial would not keep up with them."""
    rss_mb: float


class TrialFailed(Message, frozen=True, kw_only=True, tag=True):
    """The release on trial met a defect, or held the frames up, and is closed; the one that runs goes on."""

    reason: str


class Answer(Message, frozen=True, kw_only=True, tag=True):
    """What came of a message that has an ``id``; an empty ``error`` means done."""

    id: int
    error: str = ""
    needs_restart: bool = False
    """It was not done, and a new worker would do it."""


class Failed(Message, frozen=True, kw_only=True, tag=True):
    """The worker is about to end, and a person can mend why."""

    reason: str


ToSupervisor = Alive | Planned | Opened | Heartbeat | Compared | TrialFailed | Answer | Failed


def encode(message: Message) -> bytes:
    """Give a message as one line."""
    return msgspec.json.encode(message) + b"\n"


class LineReader:
    """Cuts a byte stream into messages of one side."""

    def __init__(self, kind: object) -> None:
        """Take ``ToWorker`` or ``ToSupervisor``."""
        self._decoder = msgspec.json.Decoder(kind)
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Give the messages that are complete with ``data``.

        Raises:
            msgspec.DecodeError: A line is no message of this side.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise msgspec.DecodeError(f"a line has more than {MAX_LINE_BYTES} bytes")
        for line in lines:
            yield self._decoder.decode(line)
