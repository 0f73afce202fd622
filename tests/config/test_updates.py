"""The maintenance window."""

from __future__ import annotations

from datetime import time

import pytest

from edgefuse.config.updates import UpdateSettings


@pytest.mark.parametrize(
    ("window", "at", "is_open"),
    [
        (None, time(12), True),
        ("02:00-04:00", time(1, 59, 59), False),
        ("02:00-04:00", time(2), True),
        ("02:00-04:00", time(3, 59, 59), True),
        ("02:00-04:00", time(4), False),
        ("22:30-04:00", time(23), True),
        ("22:30-04:00", time(0), True),
        ("22:30-04:00", time(4), False),
        ("22:30-04:00", time(12), False),
    ],
)
def test_window_is_open_from_its_first_minute_to_its_last(window: str | None, at: time, is_open: bool) -> None:
    assert UpdateSettings(window=window).is_open_at(at) == is_open
