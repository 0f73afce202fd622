"""What shall run, and how the worker gets there: every change of mind goes through here, one after the other.

    SIGHUP ─────► read, check ──┐
    pin ────────► check ────────┼─► settle what wins ─► compare ─► messages, or a restart
    the governor ───────────────┘
    pause ──────► a message, whatever else is under way

A change that does not fit is refused with its reason, and what ran before goes on. What takes a new worker is tried
out: where that one does not come to run, what ran before is started again. That takes minutes, which a pause does not
wait for: who presses it wants nobody to be seen any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

import msgspec

from edgefuse import clock, ipc, paths
from edgefuse.config.site import Site
from edgefuse.errors import EdgefuseError
from edgefuse.store.state import Pin, Pins
from edgefuse.supervisor.attempt import NoAnswerError, Recipe
from edgefuse.supervisor.control import AnyRequest, Band, Done, Refused, Reply, SetPaused, SetPin, TakeSnapshot
from edgefuse.supervisor.heat import HeatWatch
from edgefuse.supervisor.journal import Journal, Kind
from edgefuse.supervisor.notebook import Notebook
from edgefuse.supervisor.pinning import check_donor, check_pinned_point, describe_pin, point_pin
from edgefuse.supervisor.settings import Change, Wanted, compare, pinned_point, resolve
from edgefuse.supervisor.supervision import Supervision
from edgefuse.supervisor.unit import Unit, load_unit

GO_OVER_S = 60.0
"""For a running worker to go over to another effect; small boards take long to draw a person first."""
TRY_S = 150.0
"""For a new worker to run what the old one could not go over to."""
_DECIDED = {"pin": "pinned by an operator", "site": "pinned in the site configuration"}
Check = Callable[[str, Site], Awaitable[str]]
"""Gives what is wrong with a configuration under an interpreter; empty where nothing is."""


class Steering:
    """Knows what shall run, and sees to it."""

    def __init__(self, journal: Journal, notebook: Notebook, check: Check) -> None:
        self.unit: Unit | None = None
        """Nothing while the configuration could never be read."""
        self.wanted: Wanted | None = None
        self.heat: HeatWatch | None = None
        self._pins = notebook.state.pins
        """In force; the notebook keeps those of a change that was made, not of one that is tried out."""
        self.trying: str | None = None
        """Release that the next worker, and that one only, is started with in place of the live one."""
        self.before_change: Callable[[], object] = lambda: None
        """Called before the worker is told of another pipeline, or started anew for one."""
        self._journal, self._notebook, self._check = journal, notebook, check
        self._changing = asyncio.Lock()

    def make_recipe(self) -> Recipe:
        """Say how the worker is started; where the configuration could not be read before, that is tried again.

        Raises:
            EdgefuseError: A person must mend something.
        """
        release, self.trying = self.trying, None
        unit = self._adopt(self._loaded().with_release(release), self._pins)  # in the loop: nothing runs meanwhile
        assert self.wanted is not None  # it comes with the unit
        crashes = self._notebook.state.crashes
        start = msgspec.structs.replace(self.wanted.make_start(), crashes=crashes, release=release)
        return Recipe(unit.python(), start, self.wanted.memory_mb)

    @property
    def band(self) -> Band:
        """Give how near the board is to its trips."""
        return self.heat.band if self.heat else "cool"

    async def settled(self) -> None:
        """Wait until no change is under way."""
        async with self._changing:
            return

    async def reload(self, supervision: Supervision) -> None:
        """Read the configuration again, and change what is different; a broken one is refused."""
        async with self._changing:
            if self.unit is None:
                supervision.wake()  # whose state then says what is wrong with the file by now, if anything still is
                return
            try:
                # 20 ms on a fast machine, ten times that on a small board
                unit = replace(await asyncio.to_thread(load_unit), boards=self.unit.boards)
                check_pinned_point(unit)
                await self._change(unit, self._pins, supervision)
            except EdgefuseError as e:
                self._journal.note("error", "configuration_refused", str(e))
                return
            self._journal.note("info", "configuration_read", "the configuration was read again")

    async def perform(self, request: AnyRequest, supervision: Supervision) -> Reply:
        """Do what somebody asked for at the control socket."""
        try:
            if isinstance(request, SetPin):
                async with self._changing:
                    return await self._pin(request, supervision)
            if isinstance(request, SetPaused):
                return await self._pause(request, supervision)
            if isinstance(request, TakeSnapshot):
                return await self._take_snapshot(request.path, supervision)
        except EdgefuseError as e:
            return Refused(str(e))
        raise AssertionError(f"{type(request).__name__} is answered elsewhere")

    def govern(self, supervision: Supervision, now_s: float) -> None:
        """Read the temperatures, and take the point that follows."""
        if self.unit is None or self.wanted is None or self.heat is None:
            return
        pin = pinned_point(self.unit.site, self.unit.profile, self._pins)
        self.heat.step(now_s, supervision.beat, int(pin.value) if pin else None)
        after = self._resolve(self.unit, self._pins)
        before, self.wanted = self.wanted, after
        if after.point != before.point:
            supervision.tell(ipc.SetPoint(point=after.point))
            self._note_point(self.heat.reason)

    def learned(self) -> msgspec.Raw | None:
        """Give what the governor knows, in its own form; nothing where there is none."""
        return self.heat.learned() if self.heat else None

    async def _pin(self, request: SetPin, supervision: Supervision) -> Reply:
        unit = self._loaded()
        pin = Pin(request.value, clock.wall_iso()) if request.value else None
        before = self._pins
        if request.setting == "point":
            after = msgspec.structs.replace(before, point=pin and point_pin(pin, unit))
        elif request.setting == "face":
            after = msgspec.structs.replace(before, face=pin)
            check_donor(resolve(unit.site, unit.profile, after, 0), after)
        else:
            after = msgspec.structs.replace(before, effect=pin)
        await self._change(unit, after, supervision)
        self._journal.note("info", "pinned", describe_pin(request))
        return await self._keep(lambda kept: msgspec.structs.replace(after, is_paused=kept.is_paused))

    async def _pause(self, request: SetPaused, supervision: Supervision) -> Reply:
        """Pause or go on at once; a worker that is started meanwhile begins so, whatever it is started for."""
        pin = Pin(True, clock.wall_iso()) if request.is_paused else None
        self._pins = msgspec.structs.replace(self._pins, is_paused=pin)
        if self.unit is not None:
            self.wanted = self._resolve(self.unit, self._pins)
        supervision.tell(ipc.Pause() if request.is_paused else ipc.Resume())
        supervision.wake()
        kind: Kind = "paused" if request.is_paused else "resumed"
        self._journal.note("info", kind, f"{kind} by an operator")
        return await self._keep(lambda kept: msgspec.structs.replace(kept, is_paused=pin))

    async def _take_snapshot(self, path: str, supervision: Supervision) -> Reply:
        """Have the worker write a picture.

        Raises:
            EdgefuseError: It delivers nothing that could be on one.
        """
        is_paused = self.wanted is not None and self.wanted.is_paused
        if reason := "paused" if is_paused else supervision.service.reason:
            raise EdgefuseError(
                f"cannot take a snapshot: no frames are delivered now ({reason}); `edgefuse status` has more"
            )
        answer = await supervision.ask(partial(_make_snapshot, path))
        return Refused(answer.error) if answer.error else Done()

    async def _keep(self, change: Callable[[Pins], Pins]) -> Reply:
        error = await self._notebook.keep_pins(change)
        return Refused(f"it is in force, but only until the supervisor ends: {error}") if error else Done()

    async def _change(self, unit: Unit, pins: Pins, supervision: Supervision) -> None:
        """Go over to other settings, or to none of them.

        Raises:
            EdgefuseError: They do not fit; nothing has changed.
        """
        assert self.unit is not None and self.wanted is not None  # what could never be read is loaded, not changed
        before, has_run, after = (self.unit, self._pins), supervision.is_open, self._resolve(unit, pins)
        change = compare(self.wanted, after)
        # A running worker says itself whether it takes another effect; a child that checks holds 200 MB beside it.
        needs_check = change.restart or (change.effect is not None and not supervision.is_open)
        if needs_check and (error := await self._check(unit.python(), after.site)):
            raise EdgefuseError(error)
        if change != Change():
            self.before_change()
        if supervision.is_open and not change.restart:
            change = replace(change, restart=await self._tell(change, supervision))
        elif change != Change():
            change = replace(change, restart=change.restart or "the settings changed")
        has_run = has_run or supervision.is_open  # it may have died, or come, while it or a child was asked
        self._adopt_and_tell(unit, pins, supervision)
        if not change.restart:
            supervision.wake()
            return
        supervision.restart(change.restart)
        if has_run:
            await self._try_out(before, supervision)

    async def _try_out(self, before: tuple[Unit, Pins], supervision: Supervision) -> None:
        """Wait until a new worker runs what was adopted, and go back to what ran before where it does not.

        Raises:
            EdgefuseError: It does not run.
        """
        reason = await supervision.settled(TRY_S)
        if not reason:
            return
        self._adopt_and_tell(*before, supervision)
        if supervision.service.state == "STOPPED":
            raise EdgefuseError("cannot try it out: the supervisor ends")
        self._journal.note("error", "gone_back", f"what ran before is started again: {reason}")
        supervision.restart("it goes back to what ran before")
        raise EdgefuseError(f"{reason}; what ran before is started again")

    async def _tell(self, change: Change, supervision: Supervision) -> str:
        """Change a running worker by messages; give the reason where it takes a new one, such as want of memory.

        Raises:
            EdgefuseError: It refuses, and goes on as before.
        """
        if change.effect is not None:
            answer = await self._ask_for_effect(*change.effect, supervision)
            if answer.needs_restart:
                return answer.error
            if answer.error:
                raise EdgefuseError(answer.error)
        return ""

    async def _ask_for_effect(
        self, effect: str, settings: Mapping[str, Mapping[str, str]], supervision: Supervision
    ) -> ipc.Answer:
        """Have the worker go over to another effect.

        Raises:
            EdgefuseError: It did not say whether it does. A new worker runs what ran before, for sure: nobody may
                believe that faces are hidden while the one that was asked takes another effect after all.
        """
        try:
            return await supervision.ask(partial(_make_set_effect, effect, settings), GO_OVER_S)
        except NoAnswerError:
            supervision.restart(f"it did not say whether it goes over to '{effect}'")
            raise

    def _adopt_and_tell(self, unit: Unit, pins: Pins, supervision: Supervision) -> None:
        """Let settings be what shall run; the worker's point follows from now, not from before it was asked.

        Meanwhile the governor may have told it another one, such as the coolest of a board at its trip.
        """
        assert self.unit is not None and self.wanted is not None
        told = self.wanted.point
        self._adopt(replace(unit, boards=self.unit.boards), pins)  # the worker may run another release by now
        if self.wanted.point != told:
            supervision.tell(ipc.SetPoint(point=self.wanted.point))
            self._note_point(_DECIDED.get(self.wanted.settings["point"].origin, "the governor chooses again"))

    def _adopt(self, unit: Unit, pins: Pins) -> Unit:
        """Let settings be what shall run from now on."""
        if self.heat is None or self.unit is None or self.unit.profile != unit.profile:
            self.heat = HeatWatch(unit.profile, self._notebook.state.learned, paths.system_root(), self._journal)
        # Whether it is paused is told apart, and may have changed since somebody wished for these pins.
        self.unit, self._pins = unit, msgspec.structs.replace(pins, is_paused=self._pins.is_paused)
        self.wanted = self._resolve(unit, self._pins)
        return unit

    def _resolve(self, unit: Unit, pins: Pins) -> Wanted:
        assert self.heat is not None  # it comes with the first unit
        return resolve(unit.site, unit.profile, pins, self.heat.point, is_at_floor=self.heat.is_at_floor)

    def _loaded(self) -> Unit:
        """Give the unit.

        Raises:
            ConfigError: Its configuration could never be read.
        """
        return self.unit or self._adopt(load_unit(), self._pins)

    def _note_point(self, reason: str) -> None:
        assert self.wanted is not None  # there was a change of it
        point = self.wanted.point
        self._notebook.add_point(point, reason)
        self._journal.note("info", "point_changed", f"point {point}: {reason}")


def _make_snapshot(path: str, number: int) -> ipc.Snapshot:
    return ipc.Snapshot(id=number, path=path)


def _make_set_effect(effect: str, settings: Mapping[str, Mapping[str, str]], number: int) -> ipc.SetEffect:
    return ipc.SetEffect(id=number, effect=effect, settings=settings)
