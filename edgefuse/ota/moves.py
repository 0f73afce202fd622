"""How a deployment goes from one step to the next, leaves the way, and ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from edgefuse.ota.actions import Action, Stop, Work
from edgefuse.ota.bad_list import Bad
from edgefuse.ota.deployment import KEPT_DEPLOYMENTS, Deployment, End, InstallState, Step, Watch, Wish

Next: TypeAlias = tuple[InstallState, tuple[Action, ...]]

MOST_TRANSITIONS = 100
"""A deployment takes a dozen, two more after a delta that cannot be rebuilt, and one or four more a restart."""
_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86400.0
LIMITS_S: Mapping[Step, tuple[float, float]] = {
    "REFRESH": (6 * _HOUR_S, 6 * _HOUR_S),  # a broker or a repository may be down over a night's maintenance
    "RESOLVE": (6 * _HOUR_S, 6 * _HOUR_S),
    "PREFLIGHT": (7 * _DAY_S, 7 * _DAY_S),  # the next maintenance window, cool weather, or a link that costs nothing
    "FETCH": (6 * _HOUR_S, 7 * _DAY_S),
    "REBUILD": (_HOUR_S, _HOUR_S),
    "VERIFY": (_HOUR_S, _HOUR_S),
    "STAGE": (7 * _DAY_S, 7 * _DAY_S),  # as PREFLIGHT: fetching may have outlasted the window
    "SELFTEST": (45 * _MINUTE_S, 45 * _MINUTE_S),  # compiling for an accelerator takes minutes a model
    "TRIAL": (15 * _MINUTE_S, 15 * _MINUTE_S),
    "COMMIT": (10 * _MINUTE_S, 10 * _MINUTE_S),
    "CLEANUP": (10 * _MINUTE_S, 10 * _MINUTE_S),
}
"""Longest time without progress, and in all, since the step began or the device was started."""
_FIGURES = re.compile(r"\d+")


def begin(state: InstallState, wish: Wish, now_s: float) -> Next:
    """Set out with a release."""
    past = state.history if state.deployment is None else (*state.history, state.deployment)[-KEPT_DEPLOYMENTS:]
    deployment = Deployment(id=wish.deployment, release=wish.release)
    state = msgspec.structs.replace(state, deployment=deployment, history=past, wished=None)
    return enter(state, "REFRESH", now_s)


def enter(state: InstallState, step: Step, now_s: float, **changes: object) -> Next:
    """Go to a step and ask for its work; a release that has used up its starts is not started again."""
    deployment = find_deployment(state)
    most = 2 * MOST_TRANSITIONS if step == "COMMIT" else MOST_TRANSITIONS  # what was decided is given every chance
    if deployment.transitions >= most and step != "CLEANUP":
        return leave(state, "FAILED", f"{step} was interrupted too often", now_s)
    if step in ("SELFTEST", "TRIAL"):
        if deployment.starts_left == 0:
            reason = "the device or its worker went down whenever the release was started"
            return leave(state, "ROLLED_BACK", reason, now_s, is_bad=True)
        changes["starts_left"] = deployment.starts_left - 1
    transitions = deployment.transitions + 1
    moved = msgspec.structs.replace(deployment, **{"step": step, "reason": "", "transitions": transitions, **changes})
    stall_s, total_s = LIMITS_S[step]
    watch = Watch(due_s=now_s + stall_s, final_s=now_s + total_s)
    state = msgspec.structs.replace(state, deployment=moved, seq=state.seq + 1, watch=watch)
    return state, (Work(step, state.seq, moved),)


def leave(state: InstallState, end: End, reason: str, now_s: float, *, is_bad: bool = False) -> Next:
    """Go to CLEANUP with what it will end as; from now on nothing keeps it from ending."""
    deployment = find_deployment(state)
    if is_bad:
        bad = Bad(content=deployment.content, release=deployment.release, reason=reason)
        state = msgspec.structs.replace(state, bad=state.bad.add(bad))
    findings = state.watch.findings or deployment.findings
    if deployment.transitions > 2 * MOST_TRANSITIONS:  # the device goes down whenever it cleans up
        return finish(state, end, reason, now_s)
    state, actions = enter(state, "CLEANUP", now_s, end=end, reason=reason, findings=findings)
    return state, (Stop(), *actions)


def finish(state: InstallState, end: End, reason: str, now_s: float) -> Next:
    """End it, and set out with what is wished for since."""
    state = close(state, end, reason)
    return begin(state, state.wished, now_s) if state.wished is not None else (state, ())


def close(state: InstallState, end: End, reason: str) -> InstallState:
    """End it."""
    over = msgspec.structs.replace(find_deployment(state), end=end, is_over=True, reason=reason)
    return msgspec.structs.replace(state, deployment=over, seq=state.seq + 1, watch=Watch())


def wait(state: InstallState, reason: str, again_s: float) -> Next:
    """Stay, say why, and ask for the work again later; other figures in the same words are no news."""
    watch = msgspec.structs.replace(state.watch, again_s=again_s)
    deployment = find_deployment(state)
    if _FIGURES.sub("", reason) == _FIGURES.sub("", deployment.reason):
        return msgspec.structs.replace(state, watch=watch), ()
    waiting = msgspec.structs.replace(deployment, reason=reason)
    return msgspec.structs.replace(state, deployment=waiting, seq=state.seq + 1, watch=watch), ()


def find_deployment(state: InstallState) -> Deployment:
    """Give the deployment under way."""
    assert state.deployment is not None, "one is under way"
    return state.deployment
