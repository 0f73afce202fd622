"""What the supervisor keeps in ``state.json``: pins, crashes, points taken, and what the governor learned.

Nobody else writes these, so what is in memory holds; the rest of the file belongs to others and is left as it is. A
state that cannot be read or written (disk full, read-only, not ours) stops nothing: the unit goes on with what is in
memory, says so once, and writes it when that works again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from edgefuse import clock
from edgefuse.errors import StoreError
from edgefuse.store.state import Pins, PointChange, Setup, State, load_state, update_state
from edgefuse.supervisor.journal import Journal

KEEP_S = 600.0
"""Flash wears: what is learned all the time is written so often at most, and at the end."""


class Notebook:
    """The state of this unit, as far as the supervisor writes it."""

    def __init__(self, path: Path, journal: Journal) -> None:
        """Read what is kept."""
        self._path, self._journal = path, journal
        self._writing = asyncio.Lock()
        self._is_failing = False
        self._is_dirty = False
        self._kept_s = clock.now_ns() / clock.NS_PER_S
        self._has_read = False
        self.state = State()
        """As it should be on the disk."""
        try:
            self.state = load_state(path)
            self._has_read = True
        except StoreError as e:
            self._complain(str(e))

    async def keep_pins(self, change: Callable[[Pins], Pins]) -> str:
        """Change the pins that are kept, in memory even where the disk takes nothing; give the reason why not."""
        return await self._change(lambda state: state.with_pins(change(state.pins)))

    async def keep_crash(self, setups: Iterable[Setup], how: str) -> None:
        """Remember what the worker died of."""
        at, blamed = clock.wall_iso(), tuple(setups)

        def add(state: State) -> State:
            for setup in blamed:
                state = state.with_crash(setup, how, at)
            return state

        await self._change(add)

    def add_point(self, point: int, reason: str) -> None:
        """Take down that another point was taken; it is written with the next thing that is."""
        self.state = self.state.with_history([PointChange(point=point, reason=reason, at=clock.wall_iso())])
        self._is_dirty = True

    async def keep_now_and_then(self, now_s: float, learn: Callable[[], msgspec.Raw | None]) -> None:
        """Write what is new, where that was not done for a while.

        Args:
            learn: Gives what the governor knows now.
        """
        if now_s - self._kept_s >= KEEP_S:
            self._kept_s = now_s
            await self.keep(learn())

    async def keep(self, learned: msgspec.Raw | None) -> None:
        """Write what is new."""
        if learned is not None and learned != self.state.learned:
            await self._change(lambda state: state.with_learned(learned))
        elif self._is_dirty:
            await self._change(lambda state: state)

    async def _change(self, change: Callable[[State], State]) -> str:
        """Apply a change in memory and on the disk; give the reason why it could not be written."""
        async with self._writing:
            self.state, self._is_dirty = change(self.state), True
            mine = self.state
            try:
                written = await asyncio.to_thread(
                    update_state, self._path, lambda disk: _lay_over(disk, mine if self._has_read else change(disk))
                )
            except StoreError as e:
                self._complain(str(e))
                return str(e)
            if not self._has_read:
                self.state, self._has_read = written, True
            self._is_dirty = self.state.history != written.history  # a point was taken meanwhile
            self._is_failing = False
            return ""

    def _complain(self, reason: str) -> None:
        """Say once, until it works again, that nothing is kept."""
        if not self._is_failing:
            self._journal.note("error", "state_not_kept", f"{reason}; going on with what is in memory")
        self._is_failing = True


def _lay_over(disk: State, mine: State) -> State:
    """Give the state of the disk with the supervisor's part of it."""
    return msgspec.structs.replace(
        disk, pins=mine.pins, crashes=mine.crashes, history=mine.history, learned=mine.learned
    )
