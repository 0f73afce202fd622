"""How a release comes to run on this device: a pure function of events, with the clock passed in.

    REFRESH ─► RESOLVE ─► PREFLIGHT ─► FETCH ─► REBUILD ─► VERIFY ─► STAGE ─► SELFTEST ─► TRIAL ─► COMMIT ─► CLEANUP
                                         ▲ full files, once │           │ it runs already, under another   ▲     │
                                         └──────────────────┘           └─ number: nothing is to be tried ─┘     ▼
                                                                                                             COMMITTED
    each of them ── refused, failed, cancelled, too late, something newer is wished for ──► CLEANUP ──► REJECTED FAILED
                                                                                            ROLLED_BACK CANCELLED
    after a restart: STAGE, SELFTEST, TRIAL ──► VERIFY; each other step ──► itself

The release that runs, ``current``, is another one only from COMMIT on; before, a restart alone is a way back. COMMIT
and CLEANUP are not cancelled, and bounded in time as all else. The journal must have a state before its actions are
performed, see ``edgefuse.ota.journal``. What each answer to a step means is in ``edgefuse.ota.steps``.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from edgefuse.config.updates import UpdateSettings
from edgefuse.ota.actions import Stop, Work
from edgefuse.ota.deployment import InstallState, Step, Wish
from edgefuse.ota.events import (
    Answer,
    BaselineMeasured,
    Cancelled,
    DiskFailed,
    Event,
    Started,
    Ticked,
    Wished,
)
from edgefuse.ota.gates import find_verdict
from edgefuse.ota.moves import Next, begin, close, enter, find_deployment, finish, leave
from edgefuse.ota.steps import answer

_RESUME_AT: Mapping[Step, Step] = {"STAGE": "VERIFY", "SELFTEST": "VERIFY", "TRIAL": "VERIFY"}
"""After a power cut: cards that say that they have written what they have not are known."""


def next(state: InstallState, event: Event, now_s: float, settings: UpdateSettings) -> Next:
    """Take in an event.

    Args:
        state: As the last call left it, or the journal.
        event: What happened.
        now_s: Monotonic.
        settings: What the site decided.

    Returns:
        The new state, and what to do once the journal has it, in this order.
    """
    if isinstance(event, Wished):
        return _on_wished(state, event.wish, now_s)
    if isinstance(event, BaselineMeasured):
        return (state if _is_under_way(state) else state.with_baseline(event.figures)), ()
    if not _is_under_way(state):
        wish = None if isinstance(event, DiskFailed) else state.wished
        return begin(state, wish, now_s) if wish is not None else (state, ())
    if isinstance(event, Answer):
        return answer(state, event, now_s, settings) if event.seq == state.seq else (state, ())
    return _on_surroundings(state, event, now_s, settings)


def _on_surroundings(
    state: InstallState, event: Started | Cancelled | Ticked | DiskFailed, now_s: float, settings: UpdateSettings
) -> Next:
    """Take in what comes from elsewhere while a deployment is under way."""
    match event:
        case Started():
            return _on_started(state, now_s)
        case Cancelled(reason):
            return (state, ()) if _is_settled(state) else leave(state, "CANCELLED", reason, now_s)
        case Ticked():
            return _on_ticked(state, now_s, settings)
        case DiskFailed(reason):
            return _on_disk_failed(state, reason)


def _is_under_way(state: InstallState) -> bool:
    return state.deployment is not None and not state.deployment.is_over


def _is_settled(state: InstallState) -> bool:
    """Tell whether the way it ends is decided, or being decided by one write to the disk."""
    return find_deployment(state).step in ("COMMIT", "CLEANUP")


def _on_wished(state: InstallState, wish: Wish, now_s: float) -> Next:
    if wish.seq <= state.wish_seq:
        return state, ()
    state = msgspec.structs.replace(state, wish_seq=wish.seq, wished=wish)
    if not _is_under_way(state):
        return begin(state, wish, now_s)
    deployment = find_deployment(state)
    if (deployment.id, deployment.release) == (wish.deployment, wish.release) and deployment.end is None:
        return msgspec.structs.replace(state, wished=None), ()
    if _is_settled(state):
        return state, ()
    return leave(state, "CANCELLED", f"release {wish.release} is wished for in its place", now_s)


def _on_started(state: InstallState, now_s: float) -> Next:
    """Go on where a restart interrupted; that is written down even where nothing changes, as the last write may not be
    on the disk yet when whoever made it was killed."""
    deployment = find_deployment(state)
    if deployment.end is not None:
        return leave(state, deployment.end, deployment.reason, now_s)
    return enter(state, _RESUME_AT.get(deployment.step, deployment.step), now_s)


def _on_ticked(state: InstallState, now_s: float, settings: UpdateSettings) -> Next:
    watch = state.watch
    if now_s >= min(watch.due_s, watch.final_s):
        return _on_late(state, now_s, settings)
    if watch.again_s is None or now_s < watch.again_s:
        return state, ()
    deployment = find_deployment(state)
    again = msgspec.structs.replace(state, watch=msgspec.structs.replace(watch, again_s=None))
    return again, (Work(deployment.step, state.seq, deployment),)


def _on_late(state: InstallState, now_s: float, settings: UpdateSettings) -> Next:
    deployment = find_deployment(state)
    if deployment.end is not None:  # what was not cleaned up is, after the next deployment
        return finish(state, deployment.end, deployment.reason, now_s)
    if deployment.step == "TRIAL":
        return _on_trial_over(state, now_s, settings)
    reason = deployment.reason or "it took too long"
    return leave(state, "FAILED", f"{deployment.step} did not come to an end: {reason}", now_s)


def _on_trial_over(state: InstallState, now_s: float, settings: UpdateSettings) -> Next:
    """Decide without a clear result."""
    findings = state.watch.findings
    if not findings:
        return leave(state, "ROLLED_BACK", "nothing could be measured on trial", now_s)
    assert find_verdict(findings) == "INCONCLUSIVE", "all else ends the trial at once"
    doubts = "; ".join(f"{f.gate}: {f.text}" for f in findings if f.verdict == "INCONCLUSIVE")
    if settings.on_inconclusive == "roll_back":
        return leave(state, "ROLLED_BACK", f"the trial was inconclusive: {doubts}", now_s)
    return enter(state, "COMMIT", now_s, findings=findings)


def _on_disk_failed(state: InstallState, reason: str) -> Next:
    """End at once: nothing more can be written down, so nothing more is done; a restart finds an older journal."""
    deployment = find_deployment(state)
    is_tried = deployment.step in ("TRIAL", "COMMIT")
    closed = close(state, deployment.end or ("ROLLED_BACK" if is_tried else "FAILED"), deployment.reason or reason)
    return closed, (Stop(),)
