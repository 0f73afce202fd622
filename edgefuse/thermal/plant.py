"""Simulated boards: how warm they get under each operating point, and what their kernel does about it.

Two heat capacities in a row: the die (seconds) and the body it sits on, board or heat sink (minutes). The die leaks
more the warmer it is; a body without a fan sheds heat better the warmer it is; sensors are late, noisy and coarse.

    work ─► die ──r_die──► body ──r_body──► air
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass

LEAK_DOUBLES_K = 25.0  # leakage doubles about every 20 to 30 K in these processes
CONVECTION_REFERENCE_K = 30.0
STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class Board:
    """One kind of board with its cooling; where each number is from stands beside the boards below."""

    profile_id: str
    base_w: float
    """Everything but the pipeline's work, leakage excluded: idle board, camera, network."""
    work_w: float
    """The pipeline's work at point 0."""
    leak_w: float
    """Leakage of the die at 50 °C."""
    shares: tuple[float, ...]
    """Work of each point, point 0 is 1: measured processor seconds a second."""
    busy: float
    """How much of its frame period the slowest step needs at point 0 and full clock."""
    r_die: float
    """Kelvin a watt from die to body."""
    r_body: float
    """Kelvin a watt from body to air."""
    die_s: float
    """Time constant of the die."""
    body_s: float
    """Time constant of the body."""
    convection: float
    """Exponent by which the body's resistance falls with its temperature; 0 with a fan."""
    throttle_c: tuple[float, float]
    """Die temperatures at which the kernel begins to lower the clock, and at which it is lowest."""
    lowest_clock: float
    """Share of the full clock that is left at the lower end."""
    noise_k: float
    quantum_k: float
    delay_s: int

    def rate_share(self, point: int, clock: float) -> float:
        """Give the share of a point's frames that are delivered at a clock."""
        return min(1.0, clock / (self.busy * self.shares[point]))


def share_of(cpu_s: tuple[float, ...], rates_hz: tuple[float, ...], clip_hz: float = 25.0) -> tuple[float, ...]:
    """Turn processor seconds, measured with a clip of 25 Hz, into shares of point 0 with a fast enough camera."""
    full = [seconds * max(1.0, rate_hz / clip_hz) for seconds, rate_hz in zip(cpu_s, rates_hz, strict=True)]
    return tuple(seconds / full[0] for seconds in full)


_RATES_HZ = (30.0, 20.0, 15.0, 10.0, 6.0)

# Shares: tools/bench/ladder, processor seconds of each point on x86-64. Work at point 0: these seconds, times what a
# core of the board is slower (8, 3.5, 2 and 1.3 times, chosen) and what it draws. Time constants and resistances are
# fitted to the sources below; what they leave open is chosen. Trips of the kernel: Raspberry Pi documentation, Linux
# tegra234 boards, Intel ARK.

# Source: Raspberry Pi, "Thermal testing Raspberry Pi 4" (2019): 2.1 W idle, 6.4 W loaded, 80 °C after 177 s;
# pi-plates.com: 27 K above the air idle. On its own, without heat sink or case.
RASPBERRY_PI_4 = Board(
    profile_id="raspberry-pi-4",
    base_w=2.2,
    work_w=1.5,
    leak_w=0.25,
    shares=share_of((0.147, 0.117, 0.080, 0.052, 0.035), _RATES_HZ),
    busy=0.8,
    r_die=2.5,
    r_body=7.6,
    die_s=4.0,
    body_s=110.0,
    convection=0.2,
    throttle_c=(80.0, 85.0),
    lowest_clock=0.33,
    noise_k=0.3,
    quantum_k=0.487,
    delay_s=1,
)

# Source: Phoronix, "Raspberry Pi 5 benchmarks" (2023): 81 °C on average without a cooler, 56 °C with the active one;
# kept at 80 to 85 °C by its firmware under full load. Without a cooler.
RASPBERRY_PI_5 = Board(
    profile_id="raspberry-pi-5",
    base_w=2.7,
    work_w=1.1,
    leak_w=0.3,
    shares=share_of((0.159, 0.122, 0.091, 0.055, 0.034), _RATES_HZ),
    busy=0.6,
    r_die=2.0,
    r_body=7.6,
    die_s=4.0,
    body_s=130.0,
    convection=0.2,
    throttle_c=(80.0, 85.0),
    lowest_clock=0.42,
    noise_k=0.3,
    quantum_k=0.55,
    delay_s=1,
)

# Source: NVIDIA, Jetson Orin Nano power modes (7 and 15 W). The accelerator does most of the work, which is chosen as
# 4 W; a heat sink without a fan is chosen, because with the developer kit's fan no air on earth is too warm.
JETSON_ORIN_NANO = Board(
    profile_id="jetson-orin-nano",
    base_w=4.5,
    work_w=4.0,
    leak_w=0.5,
    shares=share_of((0.232, 0.193, 0.096, 0.068, 0.043), _RATES_HZ),
    busy=0.6,
    r_die=0.9,
    r_body=4.2,
    die_s=5.0,
    body_s=420.0,
    convection=0.2,
    throttle_c=(99.0, 103.0),
    lowest_clock=0.3,
    noise_k=0.2,
    quantum_k=0.031,
    delay_s=1,
)

# Source: AnandTech, "Intel NUC5i5RYK review": slightly above 80 °C with the processor loaded and the fan on. 5 W for
# the work is chosen, software encoding included, and a fan that is stuck at its lowest speed.
INTEL_NUC = Board(
    profile_id="intel-nuc",
    base_w=4.0,
    work_w=5.0,
    leak_w=0.6,
    shares=share_of((0.198, 0.148, 0.107, 0.062, 0.037), _RATES_HZ),
    busy=0.5,
    r_die=1.2,
    r_body=3.8,
    die_s=2.0,
    body_s=240.0,
    convection=0.0,
    throttle_c=(100.0, 102.0),
    lowest_clock=0.25,
    noise_k=0.5,
    quantum_k=1.0,
    delay_s=1,
)
BOARDS = (RASPBERRY_PI_4, RASPBERRY_PI_5, JETSON_ORIN_NANO, INTEL_NUC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a board at one moment."""

    air_c: float
    resistance: float = 1.0
    """Times the board's own: a fan that stands still, an enclosure."""
    capacity: float = 1.0
    """Times the body's own: an enclosure that must be heated as well."""


@dataclass(slots=True)
class Heat:
    """Temperatures inside a board."""

    die_c: float
    body_c: float


def advance(board: Board, heat: Heat, around: Surroundings, point: int) -> float:
    """Move a board's temperatures on by one step of a second, in place.

    Returns:
        Share of the point's frames that the kernel's clock lets through.
    """
    clock = clock_at(board, heat.die_c)
    delivered = board.rate_share(point, clock)
    power_w = power(board, heat.die_c, point, delivered)
    flow_w = (heat.die_c - heat.body_c) / board.r_die
    heat.die_c += (power_w - flow_w) * board.r_die * -math.expm1(-STEP_S / board.die_s)
    warmer_k = heat.body_c - around.air_c
    loss_w = warmer_k / (body_resistance(board, warmer_k) * around.resistance)
    heat.body_c += (flow_w - loss_w) * board.r_body * STEP_S / (board.body_s * around.capacity)
    return delivered


def power(board: Board, die_c: float, point: int, delivered: float = 1.0) -> float:
    """Give what a board turns into heat, in watts."""
    leak_w = board.leak_w * math.pow(2.0, (die_c - 50.0) / LEAK_DOUBLES_K)
    return board.base_w + board.work_w * board.shares[point] * delivered + leak_w


def clock_at(board: Board, die_c: float) -> float:
    """Give the share of the full clock that the kernel leaves at a temperature."""
    begin_c, end_c = board.throttle_c
    slowed = min(max((die_c - begin_c) / (end_c - begin_c), 0.0), 1.0)
    return 1.0 - slowed * (1.0 - board.lowest_clock)


def body_resistance(board: Board, warmer_k: float) -> float:
    """Give the body's resistance to air, in kelvin a watt; natural convection grows with the difference."""
    return board.r_body * math.pow(CONVECTION_REFERENCE_K / max(warmer_k, 5.0), board.convection)


class Sensor:
    """Reads a die late, with noise, in steps."""

    def __init__(self, board: Board, seed: int) -> None:
        self._board = board
        self._random = random.Random(seed)
        self._late: deque[float] = deque(maxlen=board.delay_s + 1)

    def read(self, die_c: float) -> float:
        """Give the reading for the die as it is now, in °C."""
        self._late.append(die_c)
        noisy_c = self._late[0] + self._random.gauss(0.0, self._board.noise_k)
        return round(noisy_c / self._board.quantum_k) * self._board.quantum_k
