"""Frames that take longer than they did, without more faces in them: some boards slow down and tell nobody."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

_GROWN = 1.4  # times the usual; other processes and light scenes move the median by a fifth
_LASTS_S = 30.0  # a burst of work elsewhere is over by then
_USUAL_S = 900.0  # time constant of what is usual
_LEAST_SEEN_S = 60.0  # nothing is usual before
_MANY = 4  # faces; a crowd is a crowd


class FrameTime(msgspec.Struct, frozen=True):
    """What a frame takes in one situation."""

    usual_ms: float
    seen_s: float = 0.0
    """For how long it has been learned."""


class Slowness(msgspec.Struct, frozen=True):
    """Frame times by point, and since when they have been long."""

    usual: Mapping[str, FrameTime] = {}
    """By situation, point and faces: more faces take longer, which is no reason to worry."""
    long_since_s: float | None = None

    def has_lasted(self, now_s: float) -> bool:
        """Tell whether frames have been slow for long enough to act."""
        return self.long_since_s is not None and now_s - self.long_since_s >= _LASTS_S


def name_situation(point: int, faces: float) -> str:
    """Name what frame times are compared within."""
    return f"{point}x{min(round(faces), _MANY)}"


def watch(state: Slowness, now_s: float, passed_s: float, situation: str, frame_ms: float) -> Slowness:
    """Take in the median frame time since the last look."""
    known = state.usual.get(situation, FrameTime(frame_ms))
    if known.seen_s >= _LEAST_SEEN_S and frame_ms > _GROWN * known.usual_ms:
        since_s = now_s if state.long_since_s is None else state.long_since_s
        return msgspec.structs.replace(state, long_since_s=since_s)
    span_s = min(known.seen_s + passed_s, _USUAL_S)  # a mean at first, then one that forgets
    weight = -math.expm1(-passed_s / max(span_s, 1e-3))
    learned = FrameTime(known.usual_ms + weight * (frame_ms - known.usual_ms), known.seen_s + passed_s)
    return Slowness({**state.usual, situation: learned}, None)
