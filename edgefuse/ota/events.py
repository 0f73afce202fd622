"""What happens to a deployment: what the fleet and the operator want, what came of the work, and the passing of time.

An answer to work bears the ``seq`` of the ``Work`` that it answers; one with another is stale and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from edgefuse.ota.deployment import Wish
from edgefuse.ota.gates import Band, Figures
from edgefuse.store.terms import Gates

Fault = Literal["later", "failed", "rejected", "bad"]
"""``later``: try again. ``failed``: here and now it cannot be done. ``rejected``: it must not be done. ``bad``: the
release is to blame, and is never tried again."""


@dataclass(frozen=True, slots=True)
class Wished:
    """The fleet says which release it would like to see here; it says so again after each connection."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person wants the deployment under way to end."""

    reason: str


@dataclass(frozen=True, slots=True)
class Started:
    """The supervisor has started and knows what runs: the first event of its life."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has passed; comes every second or so."""


@dataclass(frozen=True, slots=True)
class DiskFailed:
    """The journal cannot be written, so nothing more may be begun."""

    reason: str


@dataclass(frozen=True, slots=True)
class BaselineMeasured:
    """The release that runs was measured, while no deployment was under way."""

    figures: Figures


class Answer(msgspec.Struct, frozen=True, tag_field="is"):
    """Something that came of work; the install helper sends it as JSON, whose key ``is`` names its class."""

    seq: int


class Done(Answer, frozen=True, tag=True):
    """The work is done: of every step but RESOLVE, PREFLIGHT, SELFTEST and TRIAL, which have something to say."""


class Failed(Answer, frozen=True, tag=True):
    """The work of any step came to nothing."""

    reason: str
    fault: Fault = "failed"


class Progressed(Answer, frozen=True, tag=True):
    """Bytes have come."""

    done_bytes: int
    total_bytes: int


class Resolved(Answer, frozen=True, tag=True):
    """RESOLVE: the release's description is verified and kept."""

    counter: int
    content: str
    gates: Gates
    current: str
    """Id of the release that runs."""
    current_content: str
    current_counter: int


class Inspected(Answer, frozen=True, tag=True):
    """PREFLIGHT: how things are on this unit now, its garbage collected."""

    misfit: str = ""
    """Why the release must not go here; empty where it may."""
    needed_bytes: int = 0
    """On the disk, to fetch and to rebuild."""
    free_bytes: int = 0
    band: Band = "cool"
    is_metered: bool = False
    """The link costs by the byte, and somebody decided that updates wait for another one."""
    is_window_open: bool = True
    """It is a time at which somebody decided that updates may be tried."""
    knows_time: bool = True
    """The clock is right; only asked where somebody decided about times."""
    is_flowing: bool = True
    """The source is there and not paused, so that there are frames to try it on."""


class Checked(Answer, frozen=True, tag=True):
    """SELFTEST: every model was opened and gave what it should."""

    needs_restart: bool = False


class Measured(Answer, frozen=True, tag=True):
    """TRIAL: figures so far; they come again, of ever more frames, until the trial ends."""

    new: Figures
    old: Figures | None = None
    """Of the release before, just as it ran; nothing where it was not measured in this band and at this point."""
    is_paired: bool = True
    """Both were measured on the same frames, block by block."""
    is_same_point: bool = True
    """The release before knows the same row of the ladder by this number."""
    parity: float | None = None
    """See ``edgefuse.ota.gates.judge``."""
    is_parity_sure: bool = True
    """Of enough faces that a bad one fails the release."""


class Crashed(Answer, frozen=True, tag=True):
    """TRIAL: the worker crashed, hung or was killed for its memory while it ran the release."""

    reason: str
    old_crashes: int = 0
    """How often it did so with the release before, within as long a time."""
    is_blamed: bool = True
    """It died of itself; false where somebody killed it, or nobody can tell."""


class Interrupted(Answer, frozen=True, tag=True):
    """TRIAL: something else that was wished for, such as another effect, ended it; it begins anew."""


Event = Wished | BaselineMeasured | Started | Cancelled | Ticked | DiskFailed | Answer
