"""What this unit has learned about its models, and what its operator pinned, kept in ``state.json``.

A broken file is moved aside and the unit goes on: what it learned it can learn again. Nothing is deleted silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

import edgefuse
from edgefuse import disk, paths
from edgefuse.config.host import RuntimeFact
from edgefuse.store.versioned import load_or_begin

VERSION = 1


class Setup(msgspec.Struct, frozen=True):
    """What a result holds for: one file at one input size, on one version of a runtime, one target, so many threads."""

    sha256: str
    """Of the first file of the variant."""
    size_px: int
    """One file with dynamic shapes serves several variants."""
    runtime: str
    version: str
    target: str
    threads: int


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a model ran on this unit."""

    setup: Setup
    p50_ms: float
    p95_ms: float
    memory_mb: int
    """Growth of the resident set by opening and running the model."""
    measured_at: str
    """Wall time, ISO 8601."""


class GoldenCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a model gave on this unit what its manifest promises."""

    setup: Setup
    failure: str = ""
    """Why it failed; empty where it passed."""
    edgefuse: str = ""
    """Version of edgefuse that checked."""
    checked_at: str
    """Wall time, ISO 8601."""


class Crash(msgspec.Struct, frozen=True, kw_only=True):
    """How often the worker died or hung while it opened or ran a model."""

    setup: Setup
    how: str
    """The last time: ``SIGSEGV``, ``hang``."""
    count: int
    edgefuse: str
    """Version of edgefuse that it happened to."""
    crashed_at: str
    """Wall time of the last time, ISO 8601."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What the runtimes of this unit could do when they were probed last."""

    fingerprint: str
    """Of everything that they depend on; another one means that they must be probed again."""
    runtimes: tuple[RuntimeFact, ...]


class PointChange(msgspec.Struct, frozen=True, kw_only=True):
    """The pipeline went over to another operating point."""

    point: int
    reason: str
    at: str
    """Wall time, ISO 8601."""


HISTORY_LENGTH = 200
"""Changes of the point that are kept: at six an hour, a day and a half."""

T = TypeVar("T")


class Pin(msgspec.Struct, Generic[T], frozen=True):
    """A setting that the operator wants, whatever else says otherwise."""

    value: T
    since: str
    """Wall time, ISO 8601."""


class Pins(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator pinned; nothing where he did not."""

    effect: Pin[str] | None = None
    face: Pin[str] | None = None
    point: Pin[int] | None = None
    is_paused: Pin[bool] | None = None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All that was learned; one result a setup, the newest."""

    v: int = VERSION
    """Major version of this form, see ``edgefuse.store.versioned``."""
    measurements: tuple[Measurement, ...] = ()
    checks: tuple[GoldenCheck, ...] = ()
    crashes: tuple[Crash, ...] = ()
    probe: Probe | None = None
    pins: Pins = Pins()
    history: tuple[PointChange, ...] = ()
    """Operating points taken, the newest last."""
    learned: msgspec.Raw = msgspec.Raw(b"null")
    """What the governor knows of this unit's heating, in its own form."""

    def with_measurement(self, new: Measurement) -> State:
        """Add a measurement in place of an older one of the same setup."""
        kept = tuple(m for m in self.measurements if m.setup != new.setup)
        return msgspec.structs.replace(self, measurements=(*kept, new))

    def with_check(self, new: GoldenCheck) -> State:
        """Add a golden check in place of an older one of the same setup."""
        kept = tuple(c for c in self.checks if c.setup != new.setup)
        return msgspec.structs.replace(self, checks=(*kept, new))

    def with_crash(self, setup: Setup, how: str, at: str) -> State:
        """Count one more crash of a setup under this edgefuse; what another version saw is forgotten.

        The runtimes may no longer be what they were, so their last probe is forgotten too.

        Args:
            how: ``SIGSEGV``, ``hang``.
            at: Wall time, ISO 8601.
        """
        before = self.crash(setup)
        count = before.count + 1 if before else 1
        new = Crash(setup=setup, how=how, count=count, edgefuse=edgefuse.__version__, crashed_at=at)
        kept = tuple(c for c in self.crashes if c.setup != setup)
        return msgspec.structs.replace(self, crashes=(*kept, new), probe=None)

    def with_probe(self, probe: Probe | None) -> State:
        """Take another probe, or none, in place of the last one."""
        return msgspec.structs.replace(self, probe=probe)

    def with_pins(self, pins: Pins) -> State:
        """Take other pins in place of all."""
        return msgspec.structs.replace(self, pins=pins)

    def with_history(self, new: Iterable[PointChange]) -> State:
        """Add changes of the point, and forget the oldest."""
        return msgspec.structs.replace(self, history=(*self.history, *new)[-HISTORY_LENGTH:])

    def with_learned(self, learned: msgspec.Raw) -> State:
        """Take other knowledge of the heating in place of what was known."""
        return msgspec.structs.replace(self, learned=learned)

    def crash(self, setup: Setup) -> Crash | None:
        """Tell how a setup crashed the worker of this edgefuse, if it did."""
        mine = (c for c in self.crashes if c.edgefuse == edgefuse.__version__)
        return next((c for c in mine if c.setup == setup), None)

    def failure(self, setup: Setup) -> str:
        """Say why a setup failed its golden check; empty where it passed or was not checked by this edgefuse.

        The fault may have been edgefuse's own, so each version tries again what another one saw fail.
        """
        mine = (c for c in self.checks if c.edgefuse == edgefuse.__version__)
        return next((c.failure for c in mine if c.setup == setup), "")

    def has_passed(self, setup: Setup) -> bool:
        """Tell whether a setup was checked and gave what it should."""
        return any(c.setup == setup and not c.failure for c in self.checks)


def state_path() -> Path:
    """Give the place of this unit's state."""
    return paths.state_dir() / "state.json"


def load_state(path: Path) -> State:
    """Read the state; a unit that has learned nothing has no file.

    A broken file is moved aside with a warning.

    Raises:
        StoreError: The file cannot be read, or was written by a newer edgefuse.
    """
    return load_or_begin(path, State, VERSION)


def update_state(path: Path, change: Callable[[State], State]) -> State:
    """Apply a change to the newest state on the disk and write it, alone among all processes.

    Raises:
        StoreError: The file cannot be read or written, or was written by a newer edgefuse.
    """
    with disk.writing(path), disk.locked(path.with_name("state.lock")):
        state = change(load_state(path))
        disk.write_atomically(path, msgspec.json.format(msgspec.json.encode(state), indent=1))
    return state
