"""What a unit has learned about its own heating, and how sure it is of it.

    temperature = body + jump × load             at once, with the load
    body ──► rest + rise of the point            slowly, with one time constant

``rest`` is where the body settles without load: the surroundings, which change at any time. An extended Kalman filter
follows all of these numbers, which is least squares that forget: it starts with wide doubts, the same for every kind of
board, and corrects the numbers, the doubtful ones most, by how wrong they have each mean temperature.
Temperatures are relative to the trip, loads to point 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

BIN_S = 10.0  # temperatures are averaged over it: shorter bins are mostly noise, longer ones blur the jump
NOISE_K = 0.15  # of a bin's mean, for sensors with 0.5 K of noise and steps of up to 1 K

BODY, REST, LOG_TAU, JUMP, RISES = range(5)  # places of the numbers; the rises of all points come last
# Values at the start and their doubts, for boards whose ladder is worth some 5 to 25 K; docs/heat.md has the proof.
_JUMP_K, _RISE_K, _TAU_S = 3.0, 8.0, 150.0
_DOUBTS = (5.0, 15.0, 0.7, 4.0)
_RISE_DOUBT_K = 7.0  # of all rises together, in proportion to their loads
_SHARE_DOUBT_K = 2.5  # of each rise alone
_DRIFTS = (0.02, 0.05, 0.004, 0.01)  # what may change unseen in a bin
_RISE_DRIFT_K = 0.01
_SURPRISE = 4.0  # deviations from what was expected: a fan has stopped, the sun has come out
_NEW_DOUBTS = (0.45, 3.3, 0.16)  # of body, rest and time constant after a surprise
_TAU_BOUNDS = (math.log(20.0), math.log(7200.0))
_LARGEST_JUMP_K, _SMALLEST_STEP_K = 40.0, 0.1

Row = tuple[float, ...]


class HeatModel(msgspec.Struct, frozen=True):
    """The numbers and their covariance."""

    numbers: Row
    covariance: tuple[Row, ...]

    @property
    def points(self) -> int:
        """How many points the ladder has."""
        return len(self.numbers) - RISES

    def predict_k(self, point: int, load: float, after_s: float) -> float:
        """Give the temperature after so long at a point."""
        body_k, goal_k = self.numbers[BODY], self.numbers[REST] + self.numbers[RISES + point]
        remaining = math.exp(-after_s / math.exp(self.numbers[LOG_TAU]))
        return goal_k + (body_k - goal_k) * remaining + self.numbers[JUMP] * load

    def peak_k(self, point: int, load: float, hold_s: float) -> float:
        """Give the highest temperature of so long at a point: a body goes one way only."""
        return max(self.predict_k(point, load, 0.0), self.predict_k(point, load, hold_s))


def begin(temp_k: float, point: int | None, loads: Sequence[float]) -> HeatModel:
    """Start with a body in balance at a point, or at rest, and know little."""
    rises = [_RISE_K * load for load in loads]
    load, rise = (0.0, 0.0) if point is None else (loads[point], rises[point])
    body_k = temp_k - _JUMP_K * load
    return HeatModel((body_k, body_k - rise, math.log(_TAU_S), _JUMP_K, *rises), _first_covariance(loads))


def resume(model: HeatModel, temp_k: float, point: int | None, loads: Sequence[float]) -> HeatModel:
    """Start again with what was learned of the unit: where body and surroundings are now is unknown."""
    _, _, log_tau, jump_k, *rises = model.numbers
    load, rise = (0.0, 0.0) if point is None else (loads[point], rises[point])
    body_k = temp_k - jump_k * load
    covariance = [list(row) for row in model.covariance]
    for place in (BODY, REST):
        for other in range(len(covariance)):
            covariance[place][other] = covariance[other][place] = 0.0
        covariance[place][place] = _DOUBTS[place] ** 2
    return HeatModel((body_k, body_k - rise, log_tau, jump_k, *rises), tuple(map(tuple, covariance)))


def learn(model: HeatModel, temp_k: float, point: int | None, loads: Sequence[float]) -> HeatModel:
    """Move on by a bin at one point and correct the numbers by the bin's mean temperature.

    Args:
        temp_k: Relative to the trip.
        point: What ran; nothing where the worker rested.
        loads: Of all points.
    """
    load = 0.0 if point is None else loads[point]
    numbers, covariance = _move(model, point)
    surprise_k = temp_k - numbers[BODY] - numbers[JUMP] * load
    seen, variance = _expect(covariance, load)
    if surprise_k**2 > _SURPRISE**2 * variance:
        for place, doubt in enumerate(_NEW_DOUBTS):
            covariance[place][place] += doubt**2
        seen, variance = _expect(covariance, load)
    corrected = [number + share / variance * surprise_k for number, share in zip(numbers, seen, strict=True)]
    rows = (
        tuple(cell - share * other / variance for cell, other in zip(row, seen, strict=True))
        for row, share in zip(covariance, seen, strict=True)
    )
    return HeatModel(_bound(corrected), tuple(rows))


def _move(model: HeatModel, point: int | None) -> tuple[list[float], list[list[float]]]:
    """Move body and covariance on by a bin."""
    numbers, covariance = list(model.numbers), [list(row) for row in model.covariance]
    tau_s = math.exp(numbers[LOG_TAU])
    remaining = math.exp(-BIN_S / tau_s)
    gap_k = numbers[REST] + (0.0 if point is None else numbers[RISES + point]) - numbers[BODY]
    # How the body's next temperature depends on each number, which is how the doubts of these become doubt of it.
    slopes = {BODY: remaining, REST: 1 - remaining, LOG_TAU: -gap_k * remaining * BIN_S / tau_s}
    drifts = dict(enumerate(_DRIFTS))
    if point is not None:
        slopes[RISES + point] = 1 - remaining
        drifts[RISES + point] = _RISE_DRIFT_K
    numbers[BODY] += (1 - remaining) * gap_k
    body = [sum(slope * covariance[place][column] for place, slope in slopes.items()) for column in range(len(numbers))]
    body[BODY] = sum(slope * body[place] for place, slope in slopes.items())
    for place, cell in enumerate(body):
        covariance[BODY][place] = covariance[place][BODY] = cell
    for place, drift in drifts.items():
        doubt = _DOUBTS[place] if place < RISES else _RISE_DOUBT_K
        if covariance[place][place] < doubt**2:
            covariance[place][place] += drift**2
    return numbers, covariance


def _expect(covariance: list[list[float]], load: float) -> tuple[list[float], float]:
    """Give how each number goes together with the temperature, and the variance of the temperature itself."""
    seen = [row[BODY] + load * row[JUMP] for row in covariance]
    return seen, seen[BODY] + load * seen[JUMP] + NOISE_K**2


def _bound(numbers: list[float]) -> Row:
    """Keep numbers physical: more load is never cooler."""
    numbers[LOG_TAU] = min(max(numbers[LOG_TAU], _TAU_BOUNDS[0]), _TAU_BOUNDS[1])
    numbers[JUMP] = min(max(numbers[JUMP], 0.0), _LARGEST_JUMP_K)
    below_k = 0.0
    for place in range(len(numbers) - 1, RISES - 1, -1):
        below_k = numbers[place] = max(numbers[place], below_k + _SMALLEST_STEP_K)
    return tuple(numbers)


def _first_covariance(loads: Sequence[float]) -> tuple[Row, ...]:
    size = RISES + len(loads)
    covariance = [[0.0] * size for _ in range(size)]
    for place, doubt in enumerate(_DOUBTS):
        covariance[place][place] = doubt**2
    for i, load in enumerate(loads):
        for j, other in enumerate(loads):
            covariance[RISES + i][RISES + j] = _RISE_DOUBT_K**2 * load * other
        covariance[RISES + i][RISES + i] += _SHARE_DOUBT_K**2 * load * (1 - load)
    return tuple(map(tuple, covariance))
