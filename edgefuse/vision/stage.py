"""The contract of a stage; implementations live in ``edgefuse/vision/stages/``, one file each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from edgefuse.config.profile import OperatingPoint
from edgefuse.vision.model import Models
from edgefuse.vision.types import Attention, Packet

GapWork = Callable[[], bool]
"""Does what was put off, and tells whether there was anything; it does not raise."""


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage may use; made once a pipeline."""

    models: Models
    ladder: tuple[OperatingPoint, ...]
    """Every point that a packet may carry; whatever depends on a point is prepared for all of them."""
    height_px: int
    width_px: int
    """Largest frame that will come."""
    attention: Attention
    gap: list[GapWork] = field(default_factory=list)
    """A stage of the find thread adds what the frame at hand need not wait for: it is called after each packet was
    handed on. If it is not called, the stage does the same when its next packet comes."""


class Stage(Protocol):
    """One step of the pipeline; always called from one and the same thread."""

    def run(self, packet: Packet) -> Packet:
        """Give the packet with what this stage adds; compose stages also draw into ``packet.frame.pixels``.

        Raises:
            RuntimeRunError: A model failed. In the find thread that is counted, and the packet passed on as
                ``Search.FAILED``; in the compose thread it ends the run, for the frame may not be fit to be seen.
        """
        ...

    def close(self) -> None:
        """Give back what the stage itself opened; models are not its own."""
        ...


@dataclass(frozen=True, slots=True)
class StageType:
    """How a stage is found, configured and made: the ``PLUGIN`` of its file."""

    options: type[Any]
    """A frozen msgspec struct, which is the stage's schema; known in the stage's file."""
    make: Callable[[Any, StageContext], Stage]
    """Takes an instance of ``options``."""
    thread: Literal["find", "compose"]
    tasks: tuple[str, ...] = ()
    """Tasks of the models that the stage cannot do without."""
    preparing_tasks: Callable[[Any], tuple[str, ...]] = lambda _: ()
    """Tasks of further models that ``prepare`` and ``make`` use where they are there, by options; closed once the stage
    is made."""
    lasting_tasks: Callable[[tuple[OperatingPoint, ...]], tuple[str, ...]] = lambda _: ()
    """Tasks of further models that frames are looked at with where they are there, by the ladder; they stay open."""
    prepare: Callable[[Any, Models], None] = lambda _options, _models: None
    """Makes, by options, what is kept on disk for ever after. Called only if models of ``preparing_tasks`` need so much
    memory that they are opened alone: with those, before the pipeline opens its own."""
    wanted_stages: Callable[[Any], tuple[str, ...]] = lambda _: ()
    """Further stages that must run before it, by options."""
    is_synthetic: Callable[[Any], bool] = lambda _: False
    """Whether its frames show faces that were never there, by options; such frames are marked."""
