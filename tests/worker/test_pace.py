import threading

import pytest

from edgefuse import clock
from edgefuse.worker.pace import Player, RateLimiter


def admitted(source_hz: float, rate_hz: float, frames: int = 3000, jitter_ns: int = 0) -> int:
    limiter = RateLimiter()
    period_ns = clock.NS_PER_S / source_hz
    times = (int(i * period_ns) + (jitter_ns if i % 2 else -jitter_ns) for i in range(1, frames + 1))
    return sum(limiter.admits(t, rate_hz) for t in times)


@pytest.mark.parametrize("rate_hz", [24.0, 20.0, 15.0, 12.0, 7.5, 1.0])
def test_average_rate_is_exact(rate_hz: float) -> None:
    assert admitted(30.0, rate_hz) == pytest.approx(3000 * rate_hz / 30.0, abs=2)


def test_equal_rates_lose_nothing_even_with_jitter() -> None:
    assert admitted(30.0, 30.0, jitter_ns=3_000_000) == 3000


def test_slower_source_loses_nothing() -> None:
    assert admitted(10.0, 30.0) == 3000


def test_rate_may_change_at_any_frame() -> None:
    limiter = RateLimiter()
    period_ns = clock.NS_PER_S // 30
    rates = [30.0] * 300 + [10.0] * 300 + [30.0] * 300
    given = [limiter.admits(i * period_ns, rate) for i, rate in enumerate(rates)]
    assert (sum(given[:300]), sum(given[600:])) == (300, pytest.approx(300, abs=3))
    assert sum(given[300:600]) == pytest.approx(100, abs=2)


def test_played_frames_keep_their_distance() -> None:
    player = Player(threading.Event())
    times = [player.wait_until(i * 20_000_000) for i in range(5)]
    assert times[-1] - times[0] >= 79_000_000


def test_player_does_not_hold_up_a_stop() -> None:
    is_stopping = threading.Event()
    is_stopping.set()
    player = Player(is_stopping)
    player.wait_until(0)
    start_ns = clock.now_ns()
    player.wait_until(60 * clock.NS_PER_S)
    assert clock.now_ns() - start_ns < clock.NS_PER_S
