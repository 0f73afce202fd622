"""A release on trial: opened beside the one that runs, compared with it on the same frames, then kept or closed.

                              ┌─ keep ────────────────► it runs, the one before is closed
none ── begin ──► on trial ───┤
  ▲                           └─ go_back, a failure ──► closed ──┐
  └──────────────────────────────────────────────────────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass
from queue import Empty

from edgefuse import ipc
from edgefuse.errors import EdgefuseError
from edgefuse.memory import return_free_memory
from edgefuse.vision.pipeline import Effect, Settings
from edgefuse.worker.exchange import Exchange, Outfit
from edgefuse.worker.link import Link
from edgefuse.worker.loop import Loop
from edgefuse.worker.run import OpenedPipeline
from edgefuse.worker.shadow import Progress, Shadow

WARM_S = 2.0
"""Longest wait for frames to warm the newcomer up with; a source may rest, or be gone."""


@dataclass(slots=True)
class _Newcomer:
    outfit: Outfit
    opened: OpenedPipeline
    shadow: Shadow
    is_failure_told: bool = False


class Trial:
    """What is on trial, if anything is; all but ``look`` is called from one thread."""

    def __init__(self, link: Link, loop: Loop, exchange: Exchange) -> None:
        self._link, self._loop, self._exchange = link, loop, exchange
        self._newcomer: _Newcomer | None = None

    def begin(self, release_id: str) -> None:
        """Open a release beside the one that runs, and compare them from then on.

        Raises:
            RestartError: There is no room for both at once.
            EdgefuseError: The release is not here, or cannot be opened.
        """
        self.go_back()
        outfit = self._exchange.fit_out_release(release_id)
        self._link.send(outfit.announce(is_trial=True))
        opened = self._exchange.open_beside(outfit)
        shadow = Shadow(opened.pipeline, self._loop.stream, self._loop.ladder, self._read_progress)
        self._newcomer = _Newcomer(outfit, opened, shadow)
        self._loop.shadow = shadow

    def keep(self) -> None:
        """Let it take over when it knows the faces of the newest frames, and wait until the one before is closed.

        Raises:
            EdgefuseError: Nothing is on trial, or it failed.
        """
        newcomer = self._newcomer
        if newcomer is None:
            raise EdgefuseError("cannot keep a release: none is on trial")
        newcomer.shadow.prepare_to_take_over()
        newcomer.shadow.is_warm.wait(WARM_S)
        if newcomer.shadow.failure:
            self.go_back()
            raise EdgefuseError(f"cannot keep release {newcomer.outfit.board.release.id}: {newcomer.shadow.failure}")
        self._exchange.take(newcomer.outfit, newcomer.opened)
        self._exchange.wait_until_alone()
        self._newcomer = self._loop.shadow = None
        self._link.send(newcomer.outfit.announce())

    def go_over(self, effect: Effect, settings: Settings) -> None:
        """Go over to another effect, with the release that runs; a trial ends, as it was of the effect before.

        Raises:
            RestartError: There is no room for both at once, or other models would be chosen by now.
            EdgefuseError: The settings do not fit, or something cannot be opened. The old pipeline goes on.
        """
        self.go_back()
        self._exchange.go_over(effect, settings)

    def go_back(self) -> None:
        """Close it, if there is any; what runs goes on."""
        newcomer = self._newcomer
        if newcomer is not None:
            newcomer.shadow.end()
            self._newcomer = self._loop.shadow = None
            newcomer.opened.close()
            return_free_memory()

    def look(self) -> bool:
        """Tell the supervisor what is new, and give whether it has just failed, so that it must be closed.

        May be called while another method runs.
        """
        newcomer = self._newcomer
        if newcomer is None:
            return False
        try:
            while True:
                self._link.send(newcomer.shadow.blocks.get_nowait())
        except Empty:
            pass
        if not newcomer.shadow.failure or newcomer.is_failure_told:
            return False
        newcomer.is_failure_told = True
        self._link.send(ipc.TrialFailed(reason=newcomer.shadow.failure))
        return True

    def _read_progress(self) -> Progress:
        counts = self._loop.counts
        return Progress(counts.frames_in - counts.skipped, counts.frames_out)
