"""Reports become buckets, buckets become coarser ones, and each report is in each length once."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest
from fakes.sayings import PIPELINE, SYSTEM
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from edgefuse.fleet.database import HISTORY, METRICS, REPORTS, Database
from edgefuse.fleet.device_clock import MEMORY_S, DeviceClocks
from edgefuse.fleet.figures import Figures
from edgefuse.fleet.history import RETENTION_S, Bucket, sum_up
from edgefuse.fleet.retention import forget_history
from edgefuse.fleet.series import MAX_BUCKETS, Point, choose_span, read_points
from edgefuse.link.messages import encode

NOON_S = 1795176000
"""A whole hour."""


def iso(at_s: float) -> str:
    """Give Unix time as messages have it."""
    return datetime.fromtimestamp(at_s, timezone.utc).isoformat().replace("+00:00", "Z")


def report(figures: Figures, temp_c: float, at_s: float, made_s: float | None = None, device: str = "a") -> None:
    """Let a device report, now or what it made earlier."""
    made = msgspec.structs.replace(SYSTEM, t=iso(at_s if made_s is None else made_s), temp_c={"cpu": temp_c})
    figures.add(device, made, encode(made).decode(), at_s)


def write(database: Database, figures: Figures, now_s: float, *, is_last: bool = True) -> None:
    """Write what was gathered."""
    with database.writing() as connection:
        figures.write(connection, now_s, is_last=is_last)
    figures.forget(now_s)


def sum_all_up(database: Database, now_s: float) -> int:
    """Sum up what can be, and give in how many steps."""
    steps = 0
    while True:
        with database.writing() as connection:
            if not sum_up(connection, now_s):
                return steps
        steps += 1


def points(database: Database, step_s: int, metric: str = "temp_c", device: str = "a", hours: int = 1) -> list[Point]:
    """Give what history has of the hours from noon on."""
    span = choose_span(NOON_S, NOON_S + hours * 3600, step_s, NOON_S + hours * 3600)
    assert span.bucket_s == step_s
    with database.reading() as connection:
        return read_points(connection, device, metric, span)


def test_reports_of_ten_seconds_are_one_point(database: Database) -> None:
    figures = Figures()
    for second, temp_c in ((0, 50.0), (2, 52.5), (9, 48.25), (10, 60.0)):
        report(figures, temp_c, NOON_S + second)
    write(database, figures, NOON_S + 60)
    assert points(database, 10) == [
        Point(NOON_S, 3, pytest.approx(50.25), 48.25, 52.5),
        Point(NOON_S + 10, 1, 60.0, 60.0, 60.0),
    ]


def test_every_figure_has_its_own_series(database: Database) -> None:
    figures = Figures()
    figures.add("a", SYSTEM, "{}", NOON_S)
    figures.add("a", PIPELINE, "{}", NOON_S)
    write(database, figures, NOON_S + 60)
    found = {metric: [point.mean for point in points(database, 10, metric)] for metric in METRICS}
    figures_found = {"temp_c": [60.25], "mem_mb": [180.5], "fps": [29.8], "latency_p95_ms": [28.0]}
    assert found == {**figures_found, "faces": [1.2], "point": [1.0], "power_w": []}


def test_bucket_is_written_when_it_is_over(database: Database) -> None:
    figures = Figures()
    report(figures, 50.0, NOON_S)
    write(database, figures, NOON_S + 5, is_last=False)
    assert points(database, 10) == []
    write(database, figures, NOON_S + 13, is_last=False)
    assert len(points(database, 10)) == 1


def test_controllers_that_share_a_device_add_up(database: Database) -> None:
    for temp_c in (40.0, 60.0):
        figures = Figures()
        report(figures, temp_c, NOON_S)
        write(database, figures, NOON_S + 60)
    assert points(database, 10) == [Point(NOON_S, 2, 50.0, 40.0, 60.0)]


def test_coarser_history_is_the_sum_of_the_finer(database: Database) -> None:
    figures = Figures()
    for i in range(60):
        report(figures, 30.0 + i, NOON_S + 10 * i)
        report(figures, 20.0, NOON_S + 10 * i, device="b")
    write(database, figures, NOON_S + 600)
    assert sum_all_up(database, NOON_S + 700) == 10
    assert points(database, 300) == [
        Point(NOON_S, 30, 44.5, 30.0, 59.0),
        Point(NOON_S + 300, 30, 74.5, 60.0, 89.0),
    ]
    assert points(database, 3600) == [Point(NOON_S, 60, 59.5, 30.0, 89.0)]
    assert [point.count for point in points(database, 300, device="b")] == [30, 30]


def test_minute_is_summed_up_once_and_not_before_it_is_over(database: Database) -> None:
    figures = Figures()
    report(figures, 50.0, NOON_S)
    write(database, figures, NOON_S + 20)
    assert sum_all_up(database, NOON_S + 119) == 0
    assert sum_all_up(database, NOON_S + 120) == 1
    assert sum_all_up(database, NOON_S + 9999) == 0
    assert [point.count for point in points(database, 3600)] == [1]


def test_what_waited_on_a_device_gets_into_history_that_was_summed_up(database: Database) -> None:
    figures = Figures()
    report(figures, 50.0, NOON_S)
    write(database, figures, NOON_S + 20)
    sum_all_up(database, NOON_S + 1000)
    report(figures, 60.0, NOON_S + 1000)
    report(figures, 70.0, NOON_S + 1001, made_s=NOON_S + 10)
    write(database, figures, NOON_S + 1020)
    sum_all_up(database, NOON_S + 2000)
    assert [(point.t_s - NOON_S, point.count) for point in points(database, 300)] == [(0, 2), (900, 1)]
    assert [(point.t_s - NOON_S, point.count) for point in points(database, 10)] == [(0, 1), (10, 1), (1000, 1)]


@pytest.mark.parametrize(
    ("t", "n", "shown"), [(NOON_S, 8, "first"), (NOON_S, 10, "second"), (NOON_S + 99, 1, "second")]
)
def test_what_waited_does_not_pass_for_the_newest(database: Database, t: int, n: int, shown: str) -> None:
    figures = Figures()
    figures.add("a", msgspec.structs.replace(SYSTEM, t=iso(NOON_S + 20), n=9), "first", NOON_S + 20)
    figures.add("a", msgspec.structs.replace(SYSTEM, t=iso(t), n=n), "second", NOON_S + 21)
    write(database, figures, NOON_S + 60)
    with database.reading() as connection:
        assert connection.execute(select(REPORTS.c.system)).scalars().all() == [shown]


@pytest.mark.parametrize("year_s", [0, 4070908800])
def test_device_with_a_wrong_clock_has_its_figures_at_the_right_time(database: Database, year_s: int) -> None:
    figures = Figures()
    for second in (0, 10, 20):
        report(figures, 50.0, NOON_S + second, made_s=year_s + second)
    report(figures, 55.0, NOON_S + 25, made_s=year_s + 12)
    write(database, figures, NOON_S + 60)
    assert [(point.t_s - NOON_S, point.count) for point in points(database, 10)] == [(0, 1), (10, 2), (20, 1)]


def test_clock_that_is_set_while_connected_is_believed_again_after_a_while() -> None:
    clocks, back_s = DeviceClocks(), 3600.0
    assert clocks.place("a", iso(NOON_S), NOON_S) == NOON_S
    assert clocks.place("a", iso(NOON_S + 10 + back_s), NOON_S + 10) == NOON_S + 10  # forward: at once
    after_s = NOON_S + 20 + 2 * MEMORY_S
    clocks.place("a", iso(NOON_S + 20), NOON_S + 20)
    clocks.place("a", iso(NOON_S + 20 + MEMORY_S), NOON_S + 21 + MEMORY_S)
    assert clocks.place("a", iso(after_s), after_s + 2) == after_s + 1


def test_greeting_tells_at_once_how_far_a_clock_is_off() -> None:
    clocks = DeviceClocks()
    clocks.place("a", iso(NOON_S), NOON_S)
    clocks.greet("a", iso(0), NOON_S + 100)
    assert clocks.place("a", iso(10), NOON_S + 110) == NOON_S + 110


@pytest.mark.parametrize("t", ["", "yesterday", "2026-11-20T12:00:00", "9999-99-99T00:00:00Z", "\0" * 99])
def test_report_that_does_not_say_when_it_was_made_was_made_now(t: str) -> None:
    assert DeviceClocks().place("a", t, NOON_S) == NOON_S


def test_number_that_is_no_measurement_is_passed_over(database: Database) -> None:
    figures = Figures()
    report(figures, 1e300, NOON_S)
    write(database, figures, NOON_S + 60)
    assert points(database, 10) == []


def test_figures_that_cannot_wait_longer_go_the_oldest_first(
    monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    monkeypatch.setattr("edgefuse.fleet.figures.MAX_BUCKETS", 2)
    figures = Figures()
    for second in (0, 10, 20):
        report(figures, 50.0, NOON_S + second)
    figures.trim()
    assert figures.lost == 1
    write(database, figures, NOON_S + 60)
    assert [point.t_s - NOON_S for point in points(database, 10)] == [10, 20]


def test_old_history_is_forgotten_once_it_is_summed_up(database: Database) -> None:
    figures = Figures()
    for second in (0, 3600):
        report(figures, 50.0, NOON_S + second)
    write(database, figures, NOON_S + 3700)
    after_s = NOON_S + RETENTION_S[10] + 1800

    def count(length_s: int) -> int:
        with database.writing() as connection:
            forget_history(connection, after_s)
            return connection.execute(select(func.count()).select_from(HISTORY[length_s])).scalar_one()

    assert count(10) == 2
    sum_all_up(database, after_s)
    assert (count(10), count(300), count(3600)) == (1, 2, 2)


figures_of_a_bucket = st.lists(st.floats(-1e6, 1e6), min_size=1)


@given(figures_of_a_bucket, figures_of_a_bucket)
def test_buckets_put_together_are_the_bucket_of_all(first: list[float], second: list[float]) -> None:
    def fill(figures: list[float]) -> Bucket:
        bucket = Bucket()
        for figure in figures:
            bucket.add("fps", figure)
        return bucket

    merged = fill(first)
    merged.merge(fill(second))
    assert merged.values == fill(first + second).values


@pytest.mark.parametrize(
    ("since_ago_s", "until_ago_s", "step_s", "bucket_s", "chosen_step_s"),
    [
        (3600, 0, 1, 10, 10),
        (3600, 0, 25, 10, 30),
        (3600, 0, 60, 10, 60),
        (3600, 0, 300, 300, 300),
        (3600, 0, 450, 300, 600),
        (4 * 3600, 3600, 10, 300, 300),
        (30 * 86400, 29 * 86400, 10, 3600, 3600),
        (300 * 86400, 0, 86400, 3600, 86400),
        (9999 * 86400, 0, 10, 3600, 3600),
    ],
)
def test_history_is_read_as_fine_as_it_is_wanted_and_kept(
    since_ago_s: int, until_ago_s: int, step_s: int, bucket_s: int, chosen_step_s: int
) -> None:
    now_s = NOON_S + 1234.5
    span = choose_span(now_s - since_ago_s, now_s - until_ago_s, step_s, now_s)
    assert (span.bucket_s, span.step_s) == (bucket_s, chosen_step_s)
    assert span.since_s % bucket_s == span.until_s % bucket_s == 0
    assert 0 < span.until_s - span.since_s <= MAX_BUCKETS * bucket_s
