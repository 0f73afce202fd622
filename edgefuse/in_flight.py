"""Which model was being opened or run when the worker died: breadcrumbs that outlive it.

They lie in a memory file that supervisor and worker share: a byte a choice of a plan, nonzero while native code is at
it. A release on trial has a plan of its own, whose choices lie in the other half (``Planned.first_place`` tells which).
There are two banks of bytes, since a pipeline may be opened beside the one that runs.
"""

from __future__ import annotations

import mmap
import os
from typing import Literal

BANKS = 2
PLAN_PLACES = 32
"""Choices of a plan that are watched; plans have about ten."""
PLACES = 2 * PLAN_PLACES
"""For the release that runs and for one on trial."""
SIZE_BYTES = BANKS * PLACES
IDLE, OPENING, RUNNING = 0, 1, 2
_WORDS: dict[int, Literal["opening", "running"]] = {OPENING: "opening", RUNNING: "running"}


def make_in_flight() -> int:
    """Make the memory file, idle, and give its descriptor; the worker inherits it."""
    descriptor = os.memfd_create("edgefuse-in-flight")
    os.ftruncate(descriptor, SIZE_BYTES)
    return descriptor


def map_in_flight(descriptor: int) -> tuple[memoryview, ...]:
    """Map the memory file for writing, and give its banks."""
    content = memoryview(mmap.mmap(descriptor, SIZE_BYTES))
    return tuple(content[start : start + PLACES] for start in range(0, SIZE_BYTES, PLACES))


def places_of_plan(bank: memoryview, first_place: int) -> memoryview:
    """Give the bytes of one plan's choices: 0 is the first place of one, ``PLAN_PLACES`` of the other."""
    return bank[first_place : first_place + PLAN_PLACES]


def crumb(places: memoryview | None = None, place: int = PLAN_PLACES) -> memoryview:
    """Give the one byte of a choice; one that nobody reads where there are no places, or too few."""
    return memoryview(bytearray(1)) if places is None or place >= len(places) else places[place : place + 1]


def read_in_flight(descriptor: int) -> dict[int, Literal["opening", "running"]]:
    """Give what is under way, by place: the index of the choice in its plan, beyond the plan's first place."""
    content = os.pread(descriptor, SIZE_BYTES, 0)
    return {place % PLACES: _WORDS[value] for place, value in enumerate(content) if value}
