"""What a device remembers of its deployments; see ``edgefuse.ota.install`` for how one goes."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgefuse.ota.bad_list import BadList
from edgefuse.ota.gates import Figures, Finding
from edgefuse.store.terms import Gates

VERSION = 1
KEPT_DEPLOYMENTS = 20
"""A unit that is updated weekly sees four months."""
STARTS = 4
"""How often a release may be started before it is committed: the check, the trial, and after each of two power cuts."""

Step = Literal[
    "REFRESH", "RESOLVE", "PREFLIGHT", "FETCH", "REBUILD", "VERIFY", "STAGE", "SELFTEST", "TRIAL", "COMMIT", "CLEANUP"
]
End = Literal["COMMITTED", "REJECTED", "FAILED", "ROLLED_BACK", "CANCELLED"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the fleet would like to see here, as ``dn/desired`` says it."""

    release: str
    deployment: str
    seq: int
    """Counts up; an older wish never replaces a newer."""


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One release on its way to this device."""

    id: str
    release: str
    step: Step = "REFRESH"
    end: End | None = None
    """How it ends; decided from CLEANUP on."""
    is_over: bool = False
    """Nothing is left to do."""
    reason: str = ""
    """Why it waits, or ended as it did."""
    counter: int = 0
    """Of the release, once it is known."""
    content: str = ""
    """What the release runs, as a hash."""
    gates: Gates = Gates()
    is_identical: bool = False
    """What runs already is the same but for the number: nothing is to be tried."""
    allows_deltas: bool = True
    """False once one could not be rebuilt: then full files are fetched, once."""
    needs_restart: bool = False
    """Memory does not hold both releases, so the worker starts anew for the trial."""
    has_passed_check: bool = False
    starts_left: int = STARTS
    crashes: int = 0
    """Of the worker, on trial."""
    transitions: int = 0
    findings: tuple[Finding, ...] = ()
    begun_at: str = ""
    """Wall time, ISO 8601, as this device believed it."""
    ended_at: str = ""

    @property
    def state(self) -> str:
        """Give what people are told: the step, and after the last one how it ended."""
        return self.end if self.is_over and self.end is not None else self.step


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Times on the monotonic clock, and what is too fleeting for the disk; a restart begins it anew."""

    due_s: float = 0.0
    """When the step has taken too long without progress."""
    final_s: float = 0.0
    """When it has taken too long, whatever it does."""
    again_s: float | None = None
    """When the step's work is asked for again: what it needs was not there."""
    done_bytes: int = 0
    total_bytes: int = 0
    findings: tuple[Finding, ...] = ()
    """Of a trial that goes on."""


class InstallState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything between two events; all but ``watch`` is in the journal."""

    v: int = VERSION
    """Major version of this form, see ``edgefuse.store.versioned``."""
    seq: int = 0
    """Counts every change that is reported; an answer to work that was asked for at another count is stale."""
    deployment: Deployment | None = None
    """The newest, under way or over."""
    wished: Wish | None = None
    """Begins when the one under way is over."""
    wish_seq: int = -1
    """Of the newest wish that was heard."""
    counter: int = 0
    """Of the newest release that was committed; one that is not above it is refused."""
    bad: BadList = BadList()
    baselines: tuple[Figures, ...] = ()
    """Of the release that runs; one for all of the same circumstances."""
    history: tuple[Deployment, ...] = ()
    """Those before the newest, the last of them last."""
    watch: Watch = Watch()

    def baseline(self, new: Figures) -> Figures | None:
        """Give what figures may be compared with; nothing where it was never measured under such circumstances."""
        return next((old for old in self.baselines if old.circumstances == new.circumstances), None)

    def with_baseline(self, new: Figures) -> InstallState:
        """Take figures in place of those of the same circumstances."""
        kept = tuple(old for old in self.baselines if old.circumstances != new.circumstances)
        return msgspec.structs.replace(self, baselines=(*kept, new))
