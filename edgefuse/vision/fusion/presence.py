"""Whether a face is fused, and how strongly: fading keeps it from popping, waiting keeps it from flickering.

    VISIBLE ──── doubt ─────────────────────────► FADING_OUT
    FADING_OUT ─ opacity 0 ─────────────────────► PAUSED
    PAUSED ───── no doubt at all for DWELL_S ───► FADING_IN
    FADING_IN ── opacity 1 ─────────────────────► VISIBLE
    FADING_IN ── doubt ─────────────────────────► FADING_OUT

Fading out always ends in a pause, so two fades are at least ``DWELL_S`` apart. Pure decisions, without pixels.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from edgefuse.clock import NS_PER_S

FADE_OUT_FRAMES = 3
"""Quick: what covers a face is painted over for so long."""
FADE_IN_FRAMES = 8
"""Slow: nobody should see when it comes back."""
DWELL_S = 0.3
"""A hand that passes twice in less shall pause once."""


class Trust(enum.Enum):
    """What the signs of one frame say; between the limits of doubt and trust nothing changes."""

    DOUBT = "fusing would look wrong"
    UNDECIDED = "keep what was decided before"
    TRUST = "fusing would look right"


class Phase(enum.Enum):
    """See the diagram."""

    VISIBLE = "fused"
    FADING_OUT = "fused less and less"
    PAUSED = "left as it is"
    FADING_IN = "fused more and more"


@dataclass(frozen=True, slots=True)
class Presence:
    """How one face is shown; a face that is seen for the first time is fused at once, for there is nothing to jump."""

    phase: Phase = Phase.VISIBLE
    opacity: float = 1.0
    """0: left as it is; 1: fused."""
    trusted_ns: int | None = None
    """Since when nothing spoke against fusing; only known in a pause."""


PAUSED = Presence(Phase.PAUSED, 0.0)
"""Where a face is that nobody sees."""


def first(trust: Trust) -> Presence:
    """Give the presence of a face in the frame in which it is seen first."""
    return Presence() if trust is Trust.TRUST else PAUSED


def step(presence: Presence, trust: Trust, now_ns: int) -> Presence:
    """Decide how to show a face in the next frame.

    Args:
        presence: How it was shown in the last frame.
        trust: What its signs say in this frame.
        now_ns: When the frame was captured; a source that starts again may jump back.
    """
    if presence.phase is Phase.PAUSED:
        return _wait(presence, trust, now_ns)
    if presence.phase is Phase.FADING_OUT or trust is Trust.DOUBT:
        opacity = _fade(presence.opacity, -1 / FADE_OUT_FRAMES)
        return PAUSED if opacity == 0 else Presence(Phase.FADING_OUT, opacity)
    opacity = _fade(presence.opacity, 1 / FADE_IN_FRAMES)
    return Presence(Phase.VISIBLE if opacity == 1 else Phase.FADING_IN, opacity)


def _wait(presence: Presence, trust: Trust, now_ns: int) -> Presence:
    """Stay paused until the face could be trusted for a while."""
    if trust is Trust.DOUBT:
        return PAUSED
    since_ns = presence.trusted_ns
    if since_ns is None or since_ns > now_ns:
        return replace(PAUSED, trusted_ns=now_ns if trust is Trust.TRUST else None)
    if now_ns - since_ns < DWELL_S * NS_PER_S or trust is not Trust.TRUST:
        return presence
    return Presence(Phase.FADING_IN, 1 / FADE_IN_FRAMES)


def _fade(opacity: float, change: float) -> float:
    """Change an opacity; what is left by rounding counts as the end."""
    faded = opacity + change
    return 0.0 if faded < 1e-6 else 1.0 if faded > 1 - 1e-6 else faded
