"""The worker's memory against its limit."""

from __future__ import annotations

from collections.abc import Callable

from edgefuse.supervisor import memory_ring
from edgefuse.supervisor.memory_ring import Advice, MemoryRing


def watch(rss_mb: Callable[[float], float], seconds: int, *, is_quiet: bool = False) -> list[tuple[int, Advice]]:
    """Let a worker with a limit of 500 MB live; give what was advised and when, up to the first restart."""
    ring, said = MemoryRing(limit_mb=500, started_s=0), []
    for second in range(seconds):
        ring, advice = memory_ring.step(ring, rss_mb(second), second, is_quiet=is_quiet)
        if advice != Advice():
            said.append((second, advice))
        if advice.restart:
            break
    return said


def test_flat_memory_is_not_worth_a_word() -> None:
    assert watch(lambda _: 300, 7200) == []


def test_growth_is_warned_of_once_and_ends_in_a_restart_before_the_limit() -> None:
    def rss_mb(second: float) -> float:
        return 250 + second * 0.05

    said = watch(rss_mb, 7200)
    assert [bool(advice.restart) for _, advice in said] == [False, True]
    assert rss_mb(said[-1][0]) < 500


def test_a_quiet_moment_is_taken_earlier() -> None:
    noisy, quiet = (watch(lambda s: 250 + s * 0.05, 7200, is_quiet=q) for q in (False, True))
    assert quiet[-1][0] < noisy[-1][0]


def test_a_worker_that_needs_much_from_its_start_is_not_restarted_again_and_again() -> None:
    said = watch(lambda second: 460 + min(second, 60) * 0.3, 7200, is_quiet=True)
    assert len(said) == 1 and said[0][1].restart == ""


def test_steep_growth_is_seen_before_memory_is_high() -> None:
    said = watch(lambda second: 200 + second * 0.4, 7200)
    assert 200 + said[0][0] * 0.4 < 0.85 * 500
