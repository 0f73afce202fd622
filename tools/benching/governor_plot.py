"""Pictures of the governor's proof: temperature, point and quality over three hours, one picture a kind of weather."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benching.governor_cases import DURATION_S, Case
from benching.governor_optimum import Optimum
from benching.governor_play import Course, Ours, Threshold, Tuning, judge, leave_alone, play

_SHOWN = "raspberry-pi-4"
_COLOURS = {"no control": "#b7b7b7", "threshold": "#d69e2e", "ours": "#2b6cb0", "optimum": "#2f855a"}
_BLOCK_S = 30
"""Curves are means over so long."""


def draw_weathers(cases: Sequence[Case], tuned: Mapping[str, Tuning], folder: Path) -> None:
    """Write ``heat-<weather>.png`` of one board, as fitted, for every kind of weather."""
    for case in cases:
        if case.profile.id == _SHOWN:
            courses = {
                "no control": play(case, leave_alone),
                "threshold": play(case, Threshold.of(case, tuned[case.profile.id])),
                "optimum": play(case, Optimum(case)),
                "ours": play(case, Ours(case.profile)),
            }
            _draw(case, courses).savefig(folder / f"heat-{case.weather.replace(' ', '-')}.png")


def _draw(case: Case, courses: Mapping[str, Course]) -> Figure:
    figure = Figure(figsize=(10, 7), dpi=100, layout="constrained")
    temperature, point, rate = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 2))
    figure.suptitle(f"{case.profile.title}: {case.weather}", x=0.01, ha="left", fontsize=15, fontweight="bold")
    ladder = case.profile.ladder
    for name, course in courses.items():
        label = f"{name}, {judge(case, course).quality:.2f} of the best"
        rates_hz = [ladder[p].rate_hz * share for p, share in zip(course.points, course.delivered, strict=True)]
        _draw_curve(temperature, course.dies_c, name, label)
        _draw_curve(point, course.points, name, label)
        _draw_curve(rate, rates_hz, name, label)
    air_c = [case.around(now_s).air_c for now_s in range(DURATION_S)]
    temperature.plot(_hours(), _means(air_c), color="#555555", linewidth=1, linestyle=":", label="air")
    temperature.axhline(case.profile.trips[0].enter_c, color="#c53030", linewidth=1, label="trip")
    temperature.set_ylabel("die and air, °C")
    point.set_ylabel("point")
    point.set_yticks(range(len(ladder)))
    point.invert_yaxis()
    rate.set_ylabel("frames a second")
    rate.set_xlabel("hours")
    rate.set_xlim(0, DURATION_S / 3600)
    temperature.legend(loc="lower right", frameon=False, ncols=2, fontsize=9)
    for axes in (temperature, point, rate):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    return figure


def _draw_curve(axes: Axes, values: Sequence[float], name: str, label: str) -> None:
    width = 2.0 if name == "ours" else 1.3
    axes.plot(_hours(), _means(values), color=_COLOURS[name], linewidth=width, label=label)


def _means(values: Sequence[float]) -> list[float]:
    return [float(mean) for mean in np.asarray(values, np.float64).reshape(-1, _BLOCK_S).mean(axis=1)]


def _hours() -> list[float]:
    return [(block + 0.5) * _BLOCK_S / 3600 for block in range(DURATION_S // _BLOCK_S)]
