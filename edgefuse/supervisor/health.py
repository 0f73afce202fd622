"""Is the worker well? Health is frames delivered, not a process alive; pure, with the clock passed in.

    planning   no sign of life for a while ──► ill: it hangs
    opening    nothing is judged: native code that compiles a model may let nothing else run for minutes
    open       a beat with more frames out ──► delivering
               a beat, source waiting or paused ──► resting: nothing is wrong
               beats, but no frame for a while ──► ill: it delivers nothing
               no beat for a while ──► ill: it hangs

That it plans and opens in time is ``edgefuse.supervisor.service``'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from edgefuse import ipc
from edgefuse.supervisor.service import HANGS

Phase = Literal["planning", "opening", "open"]

SIGN_S = 30.0
"""Longest silence of a worker that plans. It says every two seconds that it runs, but for the while that the system
loads one library: from a slow card, that is seconds."""
BEAT_S = 8.0
"""Longest silence of an open worker, which beats twice a second; on a board that swaps, some seconds are nothing."""
DELIVERY_S = 10.0
"""Longest time without a frame while the source flows; the slowest shipped points give several a second."""
GAP_S = 2.0
"""The supervisor itself did not run for so long: what is overdue then says nothing about the worker."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a worker."""

    seen_s: float
    """Last sign of life."""
    delivered_s: float
    """Last time that frames had been delivered, or that there was no need to."""
    judged_s: float
    phase: Phase = "planning"
    frames_out: int = 0

    @property
    def is_open(self) -> bool:
        """Tell whether it has opened everything, so that frames should follow."""
        return self.phase == "open"


def start(now_s: float) -> Health:
    """Begin with a worker that was just started."""
    return Health(seen_s=now_s, delivered_s=now_s, judged_s=now_s)


def on_alive(health: Health, now_s: float) -> Health:
    """Take note that it runs."""
    return replace(health, seen_s=now_s)


def on_planned(health: Health) -> Health:
    """Take note that it opens its models from now on."""
    return replace(health, phase="opening")


def on_opened(health: Health, now_s: float) -> Health:
    """Take note that it has just opened everything."""
    return replace(health, phase="open", seen_s=now_s, delivered_s=now_s)


def on_beat(health: Health, beat: ipc.Heartbeat, now_s: float) -> Health:
    """Take note of a heartbeat."""
    is_well = beat.frames_out > health.frames_out or beat.source != "flowing"
    delivered_s = now_s if is_well else health.delivered_s
    return replace(health, seen_s=now_s, delivered_s=delivered_s, frames_out=beat.frames_out)


def judge(health: Health, now_s: float) -> tuple[Health, str]:
    """Say what is wrong with the worker; nothing where it is well.

    Call it several times a second: where it was not called for a while, this process stood still, and the worker gets
    its time anew.
    """
    gap_s = now_s - health.judged_s
    if gap_s > GAP_S:
        return replace(health, judged_s=now_s, seen_s=now_s, delivered_s=now_s), ""
    return replace(health, judged_s=now_s), _illness(health, now_s)


def _illness(health: Health, now_s: float) -> str:
    silent_s, idle_s = now_s - health.seen_s, now_s - health.delivered_s
    if health.phase == "planning" and silent_s > SIGN_S:
        return f"{HANGS}: no sign of life for {silent_s:.0f} s"
    if health.phase == "open" and silent_s > BEAT_S:
        return f"{HANGS}: no heartbeat for {silent_s:.0f} s"
    is_idle = health.phase == "open" and idle_s > DELIVERY_S
    return f"it delivers nothing: no frame for {idle_s:.0f} s" if is_idle else ""
