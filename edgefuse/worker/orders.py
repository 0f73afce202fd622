"""Obeying the supervisor while frames flow: at once what takes no time, one after the other what takes long."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import cast, get_args

from edgefuse import ipc
from edgefuse.config.site import settings_origin, site_path
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.vision.pipeline import Effect
from edgefuse.worker.exchange import RestartError
from edgefuse.worker.link import Link
from edgefuse.worker.loop import Loop
from edgefuse.worker.pausable import PausableSource
from edgefuse.worker.request import RunRequest
from edgefuse.worker.snapshot import WatchedSink, take_snapshot
from edgefuse.worker.trial import Trial

logger = logging.getLogger(__name__)

AnsweredOrder = ipc.SetEffect | ipc.Snapshot | ipc.Try | ipc.Keep
LongOrder = AnsweredOrder | ipc.GoBack


class Orders:
    """Carries messages out."""

    def __init__(self, link: Link, loop: Loop, source: PausableSource, sink: WatchedSink, trial: Trial) -> None:
        self._link, self._loop, self._source, self._sink, self._trial = link, loop, source, sink, trial
        self._long: SimpleQueue[LongOrder] = SimpleQueue()
        threading.Thread(target=self._work, name="orders", daemon=True).start()

    def obey(self, message: ipc.Message) -> None:
        """Carry a message out, or see that it will be."""
        match message:
            case ipc.SetPoint(point=point) if 0 <= point < len(self._loop.ladder):
                self._loop.set_point(point)
            case ipc.Pause():
                self._source.pause()
            case ipc.Resume():
                self._source.resume()
            case ipc.SetEffect() | ipc.Snapshot() | ipc.Try() | ipc.Keep() | ipc.GoBack():
                self._long.put(message)
            case _:
                logger.error("cannot obey message=%s", message)

    def _work(self) -> None:
        while True:
            match self._long.get():
                case ipc.GoBack():
                    self._go_back()
                case order:
                    self._answer(order)

    def _go_back(self) -> None:
        try:
            self._trial.go_back()
        except Exception:  # what comes next must still be obeyed
            logger.exception("the release on trial could not be closed")

    def _answer(self, order: AnsweredOrder) -> None:
        answer = ipc.Answer(id=order.id, error="a defect; the log has it")
        try:
            self._carry_out(order)
            answer = ipc.Answer(id=order.id)
        except EdgefuseError as e:
            answer = ipc.Answer(id=order.id, error=str(e), needs_restart=isinstance(e, RestartError))
        except Exception:
            logger.exception("order failed order=%s", order)
        self._link.send(answer)

    def _carry_out(self, order: AnsweredOrder) -> None:
        match order:
            case ipc.Snapshot(path=path):
                take_snapshot(self._sink, Path(path))
            case ipc.SetEffect(effect=effect, settings=settings):
                self._trial.go_over(effect_named(effect), settings)
            case ipc.Try(release=release):
                self._trial.begin(release)
            case ipc.Keep():
                self._trial.keep()


def request_of(start: ipc.Start) -> RunRequest:
    """Give the run that a start asks for.

    Raises:
        ConfigError: There is no such effect.
    """
    effect = effect_named(start.effect)
    origin = settings_origin(site_path())
    return RunRequest(start.source, start.sink, effect, start.settings, start.point, settings_origin=origin)


def effect_named(name: str) -> Effect:
    """Give the effect of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in get_args(Effect):
        raise ConfigError(f"cannot find effect '{name}': choose from {', '.join(get_args(Effect))}")
    return cast(Effect, name)
