import pytest

from edgefuse.cli._chart import ASCII, BLOCKS, Scale, draw_bar, draw_chart, fit_scale


def test_a_chart_names_both_ends_of_its_scale_and_marks_the_limit() -> None:
    assert draw_chart([60.0, 67.5, 78.75], Scale(60.0, 90.0, mark=75.0), width=12, rows=4, glyphs=BLOCKS) == [
        "   90 │     ",
        "   75 │╌╌╌╌▄",
        "      │    █",
        "   60 │  ▁██",
    ]


def test_only_the_newest_values_fit_and_they_stand_at_the_right() -> None:
    (row,) = draw_chart([100.0, 0.0, 50.0, 100.0], Scale(0.0, 100.0), width=10, rows=1, glyphs=BLOCKS)
    assert row == "  100 │▁▄█"


def test_a_gap_differs_from_zero() -> None:
    (row,) = draw_chart([0.0, None, 0.0], Scale(0.0, 10.0), width=10, rows=1, glyphs=ASCII)
    assert row == "   10 |. ."


@pytest.mark.parametrize("width", [0, 3, 7, 8])
def test_a_chart_without_room_for_values_is_its_axis(width: int) -> None:
    rows = draw_chart([1.0, 2.0], Scale(0.0, 2.0), width, rows=2, glyphs=ASCII)
    assert [len(row) for row in rows] == [max(7, width)] * 2


@pytest.mark.parametrize(
    ("values", "mark", "low", "expected"),
    [
        ([61.0, 72.0], 75.0, None, Scale(60.0, 75.0, 75.0)),
        ([81.0], 75.0, None, Scale(75.0, 85.0, 75.0)),
        ([12.0, None], 15.0, 0.0, Scale(0.0, 15.0, 15.0)),
        ([None], None, 0.0, Scale(0.0, 5.0)),
        ([70.0], None, None, Scale(70.0, 75.0)),
    ],
    ids=["below the mark", "above it", "from zero", "nothing known", "one value"],
)
def test_a_scale_holds_values_and_mark(
    values: list[float | None], mark: float | None, low: float | None, expected: Scale
) -> None:
    assert fit_scale(values, mark, step=5.0, low=low) == expected


@pytest.mark.parametrize(("value", "cells"), [(0.0, 0), (50.0, 5), (100.0, 10), (300.0, 10)])
def test_a_bar_is_full_at_its_limit(value: float, cells: int) -> None:
    assert draw_bar(value, 100.0, 10, ASCII) == ("#" * cells).ljust(10, ".")
