"""What of a deployment people hear of."""

from __future__ import annotations

import itertools

import pytest

from edgefuse.ota.deployment import Deployment, InstallState
from edgefuse.supervisor.update_news import find_news


def state(*deployments: Deployment) -> InstallState:
    """Give a state with the newest deployment last."""
    return InstallState(deployment=deployments[-1] if deployments else None, history=deployments[:-1])


def deployment(**changes: object) -> Deployment:
    return Deployment(id="d1", release="2", **changes)  # type: ignore[arg-type]  # a test's own


def kinds(news: object) -> list[str]:
    return [kind for _, kind, _ in news]  # type: ignore[attr-defined]  # an iterator of news


def test_beginning_waiting_trying_and_ending_are_told_once() -> None:
    stages = [
        state(),
        state(deployment()),
        state(deployment(step="PREFLIGHT")),
        state(deployment(step="PREFLIGHT", reason="waits: the link is metered")),
        state(deployment(step="PREFLIGHT", reason="waits: the link is metered")),
        state(deployment(step="TRIAL")),
        state(deployment(step="CLEANUP", end="COMMITTED")),
        state(deployment(step="CLEANUP", end="COMMITTED", is_over=True)),
        state(deployment(step="CLEANUP", end="COMMITTED", is_over=True)),
    ]
    told = [kind for before, after in itertools.pairwise(stages) for kind in kinds(find_news(before, after))]
    assert told == ["update_begun", "update_waits", "update_tried", "update_committed"]


@pytest.mark.parametrize(
    ("end", "level", "kind"),
    [
        ("REJECTED", "error", "update_rejected"),
        ("FAILED", "error", "update_failed"),
        ("ROLLED_BACK", "error", "update_rolled_back"),
        ("CANCELLED", "warning", "update_cancelled"),
    ],
)
def test_an_end_is_told_with_its_reason(end: str, level: str, kind: str) -> None:
    over = deployment(step="CLEANUP", end=end, is_over=True, reason="because")
    ((told_level, told_kind, text),) = find_news(state(deployment(step="CLEANUP", end=end)), state(over))
    assert (told_level, told_kind, text.endswith(": because")) == (level, kind, True)


def test_an_end_is_told_although_the_next_has_begun_already() -> None:
    over = deployment(step="CLEANUP", end="CANCELLED", is_over=True, reason="release 3 is wished for in its place")
    after = state(over, Deployment(id="d2", release="3"))
    assert kinds(find_news(state(deployment(step="CLEANUP", end="CANCELLED")), after)) == [
        "update_cancelled", "update_begun",
    ]  # fmt: skip


def test_what_was_over_before_a_restart_is_not_told_again() -> None:
    over = state(deployment(step="CLEANUP", end="COMMITTED", is_over=True))
    assert not list(find_news(over, over))


def test_an_id_that_is_used_again_tells_nothing_twice() -> None:
    first = deployment(step="CLEANUP", end="FAILED", is_over=True, begun_at="2026-11-20T10:00:00Z")
    second = deployment(begun_at="2026-11-20T11:00:00Z")
    assert kinds(find_news(state(first), state(first, second))) == ["update_begun"]
    assert kinds(find_news(state(first, second), state(first, second))) == []
