"""What the model learns from a board that follows it."""

from __future__ import annotations

import math
import random

import pytest

from edgefuse.thermal.heat_model import BIN_S, BODY, LOG_TAU, REST, RISES, HeatModel, begin, learn, resume

LOADS = (1.0, 0.667, 0.5, 0.333, 0.2)


class LinearBoard:
    """A board that is exactly as the model assumes."""

    def __init__(self, rest_k: float, rises_k: tuple[float, ...], tau_s: float, jump_k: float = 2.0) -> None:
        self.body_k = self.rest_k = rest_k
        self._rises_k, self._tau_s, self._jump_k = rises_k, tau_s, jump_k
        self._noise = random.Random(1)

    def run(self, point: int | None) -> float:
        """Run for a bin and give its mean reading."""
        goal_k = self.rest_k + (0.0 if point is None else self._rises_k[point])
        self.body_k = goal_k + (self.body_k - goal_k) * math.exp(-BIN_S / self._tau_s)
        return self.body_k + self._jump_k * (0.0 if point is None else LOADS[point]) + self._noise.gauss(0, 0.1)


RISES_K = (20.0, 14.0, 9.0, 7.0, 4.0)


def teach(board: LinearBoard, model: HeatModel, *runs: tuple[int | None, int]) -> HeatModel:
    for point, bins in runs:
        for _ in range(bins):
            model = learn(model, board.run(point), point, LOADS)
    return model


@pytest.mark.parametrize("tau_s", [90.0, 240.0, 900.0])
def test_it_finds_the_time_constant(tau_s: float) -> None:
    board = LinearBoard(-40.0, RISES_K, tau_s)
    bins = int(3 * tau_s / BIN_S)
    model = teach(board, begin(-38.0, 0, LOADS), (0, bins), (3, bins), (0, bins))
    assert math.exp(model.numbers[LOG_TAU]) == pytest.approx(tau_s, rel=0.15)


def test_it_predicts_a_point_that_it_has_seen() -> None:
    board = LinearBoard(-40.0, RISES_K, 200.0)
    model = teach(board, begin(-38.0, 0, LOADS), (0, 100), (2, 100), (0, 10))
    assert model.predict_k(2, LOADS[2], 1e6) == pytest.approx(-40 + 9 + 1, abs=0.5)
    assert model.predict_k(0, LOADS[0], 1e6) == pytest.approx(-40 + 20 + 2, abs=0.5)


def test_it_predicts_when_a_temperature_is_reached() -> None:
    board = LinearBoard(-40.0, RISES_K, 200.0)
    model = teach(board, begin(-38.0, 0, LOADS), (0, 100), (2, 100))
    promised_k = model.predict_k(0, LOADS[0], 300.0)
    for _ in range(30):
        reached_k = board.run(0)
    assert promised_k == pytest.approx(reached_k, abs=0.5)


def test_it_notices_that_the_surroundings_have_changed() -> None:
    board = LinearBoard(-40.0, RISES_K, 200.0)
    model = teach(board, begin(-38.0, 0, LOADS), (0, 100), (1, 100))
    before_k = model.numbers[REST]
    board.rest_k += 10.0
    model = teach(board, model, (1, 18))  # three minutes, less than the body needs
    assert model.numbers[REST] - before_k == pytest.approx(10.0, abs=2.0)


def test_a_worker_that_rests_teaches_the_surroundings() -> None:
    board = LinearBoard(-40.0, RISES_K, 100.0)
    model = teach(board, begin(-38.0, None, LOADS), (None, 60))
    assert model.numbers[REST] == pytest.approx(-40.0, abs=0.5)


def test_a_constant_temperature_for_half_a_day_makes_it_neither_sure_nor_mad() -> None:
    board = LinearBoard(-30.0, RISES_K, 200.0)
    model = teach(board, begin(-28.0, 0, LOADS), (0, 5_000))
    assert all(math.isfinite(number) for number in model.numbers)
    assert all(0 < model.covariance[i][i] < 1000 for i in range(len(model.numbers)))
    assert model.predict_k(0, 1.0, 1e6) == pytest.approx(-8.0, abs=0.5)


def test_more_load_is_never_predicted_to_be_cooler() -> None:
    chance = random.Random(2)
    model = begin(-20.0, 0, LOADS)
    for _ in range(300):
        model = learn(model, chance.uniform(-80, 40), chance.choice([None, 0, 1, 2, 3, 4]), LOADS)
        rises = model.numbers[RISES:]
        assert list(rises) == sorted(rises, reverse=True)
        assert rises[-1] > 0


def test_after_a_restart_the_unit_is_known_and_its_temperature_is_not() -> None:
    board = LinearBoard(-40.0, RISES_K, 200.0)
    learned = teach(board, begin(-38.0, 0, LOADS), (0, 100), (2, 100))
    resumed = resume(learned, -60.0, None, LOADS)
    assert resumed.numbers[LOG_TAU:] == learned.numbers[LOG_TAU:]
    assert resumed.numbers[BODY] == -60.0
    assert resumed.covariance[REST][REST] > 10 * learned.covariance[REST][REST]


def test_peak_is_the_beginning_where_it_cools_down() -> None:
    model = begin(-5.0, 0, LOADS)
    assert model.peak_k(4, LOADS[4], 600.0) == model.predict_k(4, LOADS[4], 0.0)
