"""What of a deployment a person wants to hear of, as events; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from edgefuse.ota.deployment import Deployment, End, InstallState
from edgefuse.supervisor.journal import Kind

News: TypeAlias = tuple[Literal["info", "warning", "error"], Kind, str]

_ENDS: Mapping[End, tuple[Literal["info", "warning", "error"], Kind]] = {
    "COMMITTED": ("info", "update_committed"),
    "REJECTED": ("error", "update_rejected"),
    "FAILED": ("error", "update_failed"),
    "ROLLED_BACK": ("error", "update_rolled_back"),
    "CANCELLED": ("warning", "update_cancelled"),
}
_WORDS: Mapping[End, str] = {
    "COMMITTED": "is live",
    "REJECTED": "is refused",
    "FAILED": "could not be installed",
    "ROLLED_BACK": "is rolled back; what ran before runs",
    "CANCELLED": "is not installed",
}


def find_news(before: InstallState, after: InstallState) -> Iterator[News]:
    """Tell what has happened from one state to the next."""
    known = {_name(past): past for past in _all(before)}
    for deployment in _all(after):
        yield from _compare(known.get(_name(deployment)), deployment)


def _name(deployment: Deployment) -> tuple[str, str]:
    """Tell deployments apart; people may use an id again."""
    return deployment.id, deployment.begun_at


def _all(state: InstallState) -> tuple[Deployment, ...]:
    return (*state.history, state.deployment) if state.deployment is not None else state.history


def _compare(before: Deployment | None, after: Deployment) -> Iterator[News]:
    if before is None:
        yield "info", "update_begun", f"release {after.release} is on its way here (deployment {after.id})"
    if after.is_over:
        if before is None or not before.is_over:
            yield _tell_end(after)
        return
    if before is None:
        return
    if after.step == "TRIAL" and before.step != "TRIAL":
        yield "info", "update_tried", f"release {after.release} is tried on live frames"
    if after.end is None and after.reason and after.reason != before.reason:
        yield "warning", "update_waits", f"release {after.release}, {after.step}: {after.reason}"


def _tell_end(deployment: Deployment) -> News:
    assert deployment.end is not None, "it is over"
    level, kind = _ENDS[deployment.end]
    measured = "; ".join(f"{finding.gate}: {finding.text}" for finding in deployment.findings)
    reason = deployment.reason or measured
    text = f"release {deployment.release} {_WORDS[deployment.end]}"
    return level, kind, f"{text}: {reason}" if reason else text
