import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefuse.worker.histogram import Histogram


def test_empty_histogram_has_no_durations() -> None:
    assert Histogram().percentile_ms(99) == 0.0


@given(st.lists(st.integers(1_000, 50_000_000_000), min_size=1, max_size=200), st.sampled_from([1, 50, 95, 99, 100]))
def test_percentiles_are_right_within_one_step(durations_ns: list[int], percent: float) -> None:
    histogram = Histogram()
    for duration_ns in durations_ns:
        histogram.add(duration_ns)
    exact_ms = np.percentile(durations_ns, percent, method="inverted_cdf") / 1e6
    assert histogram.percentile_ms(percent) == pytest.approx(exact_ms, rel=0.011, abs=1e-4)


def test_durations_beyond_the_range_are_counted_at_its_end() -> None:
    histogram = Histogram()
    histogram.add(10**15)
    assert histogram.percentile_ms(50) >= 99_000
