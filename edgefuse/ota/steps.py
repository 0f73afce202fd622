"""What each answer to the work of a step means."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from edgefuse.config.updates import UpdateSettings
from edgefuse.memory import BYTES_PER_MB
from edgefuse.ota.deployment import Deployment, InstallState, Step
from edgefuse.ota.events import (
    Answer,
    Checked,
    Crashed,
    Done,
    Failed,
    Inspected,
    Interrupted,
    Measured,
    Progressed,
    Resolved,
)
from edgefuse.ota.gates import find_verdict, judge
from edgefuse.ota.moves import LIMITS_S, Next, enter, find_deployment, finish, leave, wait

AGAIN_S = 60.0
"""How long something that was not there is waited for before it is asked for again."""
_REASON_CHARACTERS = 1000
"""What is kept of a reason: it may end with what a library says of a file that somebody made for that."""
_FOLLOWING: Mapping[Step, Step] = {
    "REFRESH": "RESOLVE",
    "FETCH": "REBUILD",
    "REBUILD": "VERIFY",
    "VERIFY": "STAGE",
}
_CAN_WAIT = ("REFRESH", "RESOLVE", "PREFLIGHT", "FETCH", "REBUILD", "VERIFY", "STAGE")
_CAN_DO_WITHOUT_DELTAS = ("FETCH", "REBUILD", "VERIFY")


def answer(state: InstallState, event: Answer, now_s: float, settings: UpdateSettings) -> Next:
    """Take in an answer to the work that is under way; one that does not fit the step changes nothing."""
    match event:
        case Done():
            return _on_done(state, now_s)
        case Failed():
            return _on_failed(state, event, now_s)
        case Progressed():
            return _on_progress(state, event, now_s)
        case Resolved() | Inspected():
            return _on_told(state, event, now_s, settings)
    return _on_tried(state, event, now_s)


def _on_told(state: InstallState, event: Resolved | Inspected, now_s: float, settings: UpdateSettings) -> Next:
    """Take in what is known of the release, and of the unit."""
    step = find_deployment(state).step
    if isinstance(event, Resolved):
        return _on_resolved(state, event, now_s) if step == "RESOLVE" else (state, ())
    return _on_inspected(state, event, now_s, settings) if step == "PREFLIGHT" else (state, ())


def _on_tried(state: InstallState, event: Answer, now_s: float) -> Next:
    """Take in what came of starting the release."""
    match event, find_deployment(state).step:
        case Checked(_, needs_restart), "SELFTEST":
            return enter(state, "TRIAL", now_s, has_passed_check=True, needs_restart=needs_restart)
        case Measured(), "TRIAL":
            return _on_measured(state, event, now_s)
        case Crashed(), "TRIAL":
            return _on_crashed(state, event, now_s)
        case Interrupted(), "TRIAL":
            return _on_interrupted(state, now_s)
    return state, ()


def _on_done(state: InstallState, now_s: float) -> Next:
    deployment = find_deployment(state)
    if deployment.step in _FOLLOWING:
        return enter(state, _FOLLOWING[deployment.step], now_s)
    if deployment.step == "STAGE":
        return enter(state, _find_start(deployment), now_s)
    if deployment.step == "COMMIT":
        state = msgspec.structs.replace(
            state,
            counter=max(state.counter, deployment.counter),
            baselines=state.baselines if deployment.is_identical else (),
        )
        return enter(state, "CLEANUP", now_s, end="COMMITTED")
    if deployment.end is not None:
        return finish(state, deployment.end, deployment.reason, now_s)
    return state, ()


def _find_start(deployment: Deployment) -> Step:
    """Give the first step that starts a release which is in its place."""
    if deployment.is_identical:
        return "COMMIT"
    return "TRIAL" if deployment.has_passed_check else "SELFTEST"


def _on_failed(state: InstallState, event: Failed, now_s: float) -> Next:
    deployment, reason = find_deployment(state), event.reason[:_REASON_CHARACTERS]
    if deployment.end is not None:  # what was not cleaned up is, after the next deployment
        return finish(state, deployment.end, deployment.reason, now_s)
    if event.fault == "later" and deployment.step in _CAN_WAIT:
        return wait(state, reason, now_s + AGAIN_S)
    if event.fault == "rejected":
        return leave(state, "REJECTED", reason, now_s)
    if deployment.allows_deltas and deployment.step in _CAN_DO_WITHOUT_DELTAS:
        return enter(state, "FETCH", now_s, allows_deltas=False, reason=f"full files are fetched: {reason}")
    is_tried = deployment.step in ("TRIAL", "COMMIT")
    is_bad = event.fault == "bad" and not deployment.is_identical
    return leave(state, "ROLLED_BACK" if is_tried else "FAILED", reason, now_s, is_bad=is_bad)


def _on_progress(state: InstallState, event: Progressed, now_s: float) -> Next:
    stall_s, _ = LIMITS_S["FETCH"]
    told = (state.watch.done_bytes, state.watch.total_bytes)
    if find_deployment(state).step != "FETCH" or (event.done_bytes, event.total_bytes) == told:
        return state, ()  # a helper that begins again has nothing new yet; fewer bytes are news, of a file begun anew
    watch = msgspec.structs.replace(
        state.watch, due_s=now_s + stall_s, done_bytes=event.done_bytes, total_bytes=event.total_bytes
    )
    return msgspec.structs.replace(state, watch=watch), ()


def _on_resolved(state: InstallState, event: Resolved, now_s: float) -> Next:
    deployment = find_deployment(state)
    is_identical = event.content == event.current_content
    if is_identical and event.current == deployment.release:
        return leave(state, "COMMITTED", "it runs already", now_s)
    floor = max(state.counter, event.current_counter)
    if event.counter <= floor:
        reason = f"its counter is {event.counter}, and {floor} has run here; publish it anew with a higher one"
        return leave(state, "REJECTED", reason, now_s)
    bad = state.bad.find(event.content)
    if bad is not None and not is_identical:
        return leave(state, "REJECTED", f"it failed here before, as release {bad.release}: {bad.reason}", now_s)
    return enter(
        state, "PREFLIGHT", now_s,
        counter=event.counter, content=event.content, gates=event.gates, is_identical=is_identical,
    )  # fmt: skip


def _on_inspected(state: InstallState, event: Inspected, now_s: float, settings: UpdateSettings) -> Next:
    deployment = find_deployment(state)
    if event.misfit:
        return leave(state, "REJECTED", event.misfit, now_s)
    spare_bytes = event.free_bytes - settings.reserve_mb * BYTES_PER_MB
    if event.needed_bytes > spare_bytes:
        reason = (
            f"it needs {event.needed_bytes // BYTES_PER_MB} MB of the disk, {max(0, spare_bytes) // BYTES_PER_MB} MB "
            f"can be had ({settings.reserve_mb} MB stay free); make room"
        )
        return leave(state, "FAILED", reason, now_s)
    reason = "" if deployment.is_identical else find_waits(event)
    return wait(state, reason, now_s + AGAIN_S) if reason else enter(state, "FETCH", now_s)


def find_waits(event: Inspected) -> str:
    """Say what an update waits for before it is fetched, and again before it is started; empty where it need not."""
    waits = {
        "the board is too hot to measure anything": event.band in ("hot", "critical"),
        "the link is metered": event.is_metered and event.needed_bytes > 0,
        "the maintenance window is closed": not event.is_window_open,
        "this unit does not know the time, and the maintenance window has one": not event.knows_time,
        "no frames flow on which it could be tried": not event.is_flowing,
    }
    found = ", ".join(reason for reason, holds in waits.items() if holds)
    return f"waits: {found}" if found else ""


def _on_measured(state: InstallState, event: Measured, now_s: float) -> Next:
    deployment = find_deployment(state)
    findings = judge(
        deployment.gates,
        event.new,
        event.old or state.baseline(event.new),
        parity=event.parity,
        is_parity_sure=event.is_parity_sure,
        is_paired=event.is_paired and event.old is not None,
        is_same_point=event.is_same_point,
    )
    state = msgspec.structs.replace(state, watch=msgspec.structs.replace(state.watch, findings=findings))
    verdict = find_verdict(findings)
    if verdict == "FAIL":
        reason = "; ".join(f"{f.gate}: {f.text}" for f in findings if f.verdict == "FAIL")
        return leave(state, "ROLLED_BACK", reason, now_s, is_bad=True)
    return enter(state, "COMMIT", now_s, findings=findings) if verdict == "PASS" else (state, ())


def _on_crashed(state: InstallState, event: Crashed, now_s: float) -> Next:
    """A release that crashes more often than the one before goes; else it gets its next start, if it has one left."""
    crashes = find_deployment(state).crashes + event.is_blamed
    if crashes > event.old_crashes:
        return leave(state, "ROLLED_BACK", f"the worker crashed on trial: {event.reason}", now_s, is_bad=True)
    return enter(state, "TRIAL", now_s, crashes=crashes)


def _on_interrupted(state: InstallState, now_s: float) -> Next:
    """Give the start back: nothing of the release ended it."""
    deployment = find_deployment(state)
    spared = msgspec.structs.replace(deployment, starts_left=deployment.starts_left + 1)
    return enter(msgspec.structs.replace(state, deployment=spared), "TRIAL", now_s)
