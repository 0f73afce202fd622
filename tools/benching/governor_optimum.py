"""The most that could be delivered by who knows the unit and the weather in advance: dynamic programming.

Every half minute a point is taken. The state is the point before and the body's temperature, in steps of 0.04 K; the
die follows within seconds and is taken as settled. The policy is then played on the simulated board itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benching.governor_cases import CHANGE_COST_S, DURATION_S, Case
from benching.governor_play import Moment, find_values
from edgefuse.thermal import plant
from edgefuse.thermal.plant import Board, Surroundings

TURN_S = 30
_SUBSTEP_S = 10
_STEP_K = 0.04
_ABOVE_K = 25.0  # over the trip, as far as the coolest point may take the hottest unit
_FORBIDDEN = -1e6

Floats = NDArray[np.float64]


class Optimum:
    """The best control for one case, with perfect foresight."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._values = find_values(case.profile.ladder)
        self._trip_c = case.profile.trips[0].enter_c
        lowest_c = min(case.around(now_s).air_c for now_s in range(0, DURATION_S, 300)) - 3.0
        self._bodies_c = np.arange(lowest_c, self._trip_c + _ABOVE_K, _STEP_K)
        self._policy = self._solve()
        self._point = 0

    def __call__(self, moment: Moment) -> int:
        """Decide about a second, by the true temperature of the body."""
        if moment.now_s % TURN_S == 0:
            place = int(np.clip((moment.body_c - self._bodies_c[0]) / _STEP_K, 0, len(self._bodies_c) - 1))
            self._point = int(self._policy[moment.now_s // TURN_S, self._point, place])
        return self._point

    def _solve(self) -> NDArray[np.int8]:
        """Give the best next point by turn, point before and body temperature, from the last turn to the first."""
        points, turns = len(self._values), DURATION_S // TURN_S
        policy = np.empty((turns, points, len(self._bodies_c)), np.int8)
        worth = np.zeros((points, len(self._bodies_c)))
        change = CHANGE_COST_S * (1.0 - np.eye(points))
        for turn in range(turns - 1, -1, -1):
            going = np.stack([self._go(point, turn * TURN_S, worth[point]) for point in range(points)])
            options = going[None] - change[:, :, None]
            policy[turn] = options.argmax(axis=1)
            worth = options.max(axis=1)
        return policy

    def _go(self, point: int, begin_s: int, worth: Floats) -> Floats:
        """Give what a turn at a point and everything after it is worth, by body temperature before."""
        body_c, board = self._bodies_c, self._case.board
        is_above = np.zeros(len(body_c), bool)
        for now_s in range(begin_s, begin_s + TURN_S, _SUBSTEP_S):
            die_c, body_c = _advance(board, self._case.around(now_s), point, body_c)
            is_above |= die_c > self._trip_c
        values: Floats = self._values[point] * TURN_S + np.interp(body_c, self._bodies_c, worth)
        return np.where(is_above, _FORBIDDEN, values) if point < len(self._values) - 1 else values


def _advance(board: Board, around: Surroundings, point: int, body_c: Floats) -> tuple[Floats, Floats]:
    """Give die and body after a substep, as ``plant.advance`` does it for one body."""
    die_c, power_w = body_c, np.zeros_like(body_c)
    for _ in range(4):  # leakage and temperature of the die settle on each other
        leak_w = board.leak_w * np.exp2((die_c - 50.0) / plant.LEAK_DOUBLES_K)
        power_w = board.base_w + board.work_w * board.shares[point] + leak_w
        die_c = body_c + board.r_die * power_w
    warmer_k = body_c - around.air_c
    resistance = board.r_body * (plant.CONVECTION_REFERENCE_K / np.maximum(warmer_k, 5.0)) ** board.convection
    gained_w = power_w - warmer_k / (resistance * around.resistance)
    return die_c, body_c + gained_w * board.r_body * _SUBSTEP_S / (board.body_s * around.capacity)
