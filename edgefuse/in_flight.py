"""Which model was being opened or run when the worker died: breadcrumbs that outlive it.

They lie in a memory file that supervisor and worker share: a byte a choice of the plan, nonzero while native code is at
it. There are two banks of bytes, since a pipeline may be opened beside the one that runs.
"""

from __future__ import annotations

import mmap
import os
from typing import Literal

BANKS = 2
PLACES = 32
"""Choices of a plan that are watched; plans have about ten."""
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


def crumb(bank: memoryview | None = None, place: int = PLACES) -> memoryview:
    """Give the one byte of a choice; one that nobody reads where there is no bank, or no room in it."""
    return memoryview(bytearray(1)) if bank is None or place >= PLACES else bank[place : place + 1]


def read_in_flight(descriptor: int) -> dict[int, Literal["opening", "running"]]:
    """Give what is under way, by the index of the choice in the plan."""
    content = os.pread(descriptor, SIZE_BYTES, 0)
    return {place % PLACES: _WORDS[value] for place, value in enumerate(content) if value}
