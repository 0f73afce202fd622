"""Simulated boards, against what was published about real ones."""

from __future__ import annotations

import dataclasses

import pytest

from edgefuse.config.profile import find_profile
from edgefuse.thermal import plant
from edgefuse.thermal.plant import BOARDS, INTEL_NUC, RASPBERRY_PI_4, RASPBERRY_PI_5, Board, Heat, Sensor, Surroundings


def run(board: Board, heat: Heat, air_c: float, point: int, seconds: int) -> float:
    """Run for a while; give the share of frames of the last second."""
    for _ in range(seconds):
        share = plant.advance(board, heat, Surroundings(air_c), point)
    return share


def stressed(board: Board, watts: float, cores_idle_w: float) -> Board:
    """Give a board with two points: all processors busy, and idle without our camera."""
    return dataclasses.replace(board, base_w=cores_idle_w, work_w=watts, shares=(1.0, 1e-6), busy=0.95)


def seconds_to(board: Board, heat: Heat, air_c: float, limit_c: float) -> int:
    for second in range(3600):
        if heat.die_c >= limit_c:
            return second
        plant.advance(board, heat, Surroundings(air_c), 0)
    return 3600


def test_a_raspberry_pi_4_under_full_load_throttles_after_minutes() -> None:
    # Source: Raspberry Pi, Thermal testing Raspberry Pi 4 (2019): 2.1 W idle, 6.4 W loaded, 80 C after 177 s.
    board = stressed(RASPBERRY_PI_4, 4.3, 1.9)
    heat = Heat(22.0, 22.0)
    run(board, heat, 22.0, 1, 1800)
    assert 38 < heat.die_c < 50
    assert seconds_to(board, heat, 22.0, 80.0) == pytest.approx(177, rel=0.4)


def test_a_raspberry_pi_5_without_a_cooler_settles_where_its_kernel_holds_it() -> None:
    # Source: Phoronix, Raspberry Pi 5 benchmarks (2023): 81 C on average without a cooler, 56 C with the active one.
    board = stressed(RASPBERRY_PI_5, 5.5, 2.7)
    heat = Heat(22.0, 22.0)
    share = run(board, heat, 22.0, 0, 1800)
    assert 80 < heat.die_c < 86
    assert share < 0.9
    cooled = dataclasses.replace(board, r_body=1.6, convection=0.0)
    run(cooled, heat, 22.0, 0, 1800)
    assert heat.die_c < 62


def test_a_nuc_with_its_fan_settles_near_80_c_under_full_load() -> None:
    # Source: AnandTech, Intel NUC5i5RYK review: the processor loaded, the temperature settles slightly above 80 C.
    board = dataclasses.replace(stressed(INTEL_NUC, 24.0, 4.0), r_body=0.8)
    heat = Heat(25.0, 25.0)
    run(board, heat, 25.0, 0, 3600)
    assert 76 < heat.die_c < 92


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.profile_id)
def test_every_point_is_cooler_than_the_one_above(board: Board) -> None:
    settled_c = []
    for point in range(len(find_profile(board.profile_id).ladder)):
        heat = Heat(30.0, 30.0)
        run(board, heat, 30.0, point, 3000)
        settled_c.append(heat.die_c)
    assert settled_c == sorted(settled_c, reverse=True)
    assert settled_c[0] - settled_c[-1] > 5.0


def test_the_kernel_delivers_fewer_frames_when_it_is_too_hot() -> None:
    heat = Heat(30.0, 30.0)
    assert run(RASPBERRY_PI_4, heat, 30.0, 0, 1200) == 1.0
    assert run(RASPBERRY_PI_4, heat, 60.0, 0, 1200) < 0.8


def test_a_sensor_is_late_and_coarse() -> None:
    board = dataclasses.replace(INTEL_NUC, noise_k=0.0, delay_s=2)
    sensor = Sensor(board, seed=1)
    assert [sensor.read(die_c) for die_c in (40.2, 50.2, 60.2, 70.2)] == [40.0, 40.0, 40.0, 50.0]
