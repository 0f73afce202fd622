"""The stages of one run, in order, split over the find and the compose thread."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from edgefuse import registry
from edgefuse.config import loader
from edgefuse.config.profile import OperatingPoint
from edgefuse.errors import ConfigError
from edgefuse.vision.model import Models
from edgefuse.vision.source import StreamFormat
from edgefuse.vision.stage import GapWork, Stage, StageContext, StageType
from edgefuse.vision.types import Attention, Packet, Search

PACKAGE = "edgefuse.vision.stages"
Effect = Literal["fuse_mesh", "anonymise", "none"]
Settings = Mapping[str, Mapping[str, str]]
"""By stage and key, values as YAML text."""
NO_SETTINGS: Final[Settings] = {}
COMMAND_LINE = "--set "


def stage_names(
    effect: Effect, settings: Settings = NO_SETTINGS, origin: str = COMMAND_LINE, *, is_drawn: bool = False
) -> tuple[str, ...]:
    """List the stages of an effect in order; synthetic frames are marked, and what is known of faces is drawn last.

    Args:
        effect: The stage of that name is one of them.
        settings: As of ``load_options``; the effect's own may ask for further stages before it.
        origin: Likewise.
        is_drawn: Draw what is known of faces.

    Raises:
        ConfigError: The effect's settings do not fit.
    """
    types = stage_types((effect,))
    own = load_options(types, {effect: settings[effect]} if effect in settings else NO_SETTINGS, origin)
    wanted = types[effect].wanted_stages(own[effect])
    mark = ("mark",) if types[effect].is_synthetic(own[effect]) else ()
    draw = ("draw_faces",) if is_drawn else ()
    return ("detect_faces", "track_faces", "align_faces", *wanted, effect, *mark, *draw)


def stage_types(names: Sequence[str]) -> dict[str, StageType]:
    """Look the stages up.

    Raises:
        ConfigError: There is no stage of that name.
    """
    return {name: registry.load(PACKAGE, name) for name in names}


def lay_over(below: Settings, settings: Settings) -> Settings:
    """Give two sets of settings as one; where both have a key, that of ``settings``."""
    return {stage: {**below.get(stage, {}), **settings.get(stage, {})} for stage in {**below, **settings}}


def load_options(
    types: Mapping[str, StageType], settings: Settings, origin: str = COMMAND_LINE
) -> dict[str, msgspec.Struct]:
    """Check stage settings against each stage's schema.

    Args:
        types: Stages that will run, by name.
        settings: Those that were given.
        origin: Where people wrote them; stands before each key in error lines.

    Returns:
        One options struct a stage; stages without settings get their defaults.

    Raises:
        ConfigError: A stage does not run, or a key or value does not fit.
    """
    for stage in settings.keys() - types.keys():
        raise ConfigError(f"{origin}{stage}: it does not run here, but {', '.join(types)} do")
    return {
        name: loader.parse_settings(settings.get(name, {}), kind.options, f"{origin}{name}.")
        for name, kind in types.items()
    }


@dataclass(frozen=True, slots=True)
class NamedStage:
    """A stage with the name that it is reported under."""

    name: str
    stage: Stage
    gap: tuple[GapWork, ...] = ()
    """What it does between two frames."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages by thread; ``run_find`` and ``run_compose`` may run at the same time on different packets."""

    find: tuple[NamedStage, ...]
    compose: tuple[NamedStage, ...]

    @property
    def stage_names(self) -> tuple[str, ...]:
        """Name the stages in order."""
        return tuple(named.name for named in (*self.find, *self.compose))

    def close(self) -> None:
        """Close every stage; models are closed by whoever opened them."""
        for named in (*self.find, *self.compose):
            named.stage.close()


def make_pipeline(
    options: Mapping[str, msgspec.Struct],
    models: Models,
    ladder: tuple[OperatingPoint, ...],
    stream: StreamFormat,
) -> Pipeline:
    """Make the stages, in the order of ``options``."""
    context = StageContext(models, ladder, stream.height_px, stream.width_px, Attention())
    types = stage_types(tuple(options))
    made = {name: _make(name, types[name], options[name], context) for name in options}
    return Pipeline(
        find=tuple(made[name] for name in options if types[name].thread == "find"),
        compose=tuple(made[name] for name in options if types[name].thread == "compose"),
    )


def _make(name: str, kind: StageType, options: msgspec.Struct, context: StageContext) -> NamedStage:
    """Make one stage, with a gap of its own."""
    own = dataclasses.replace(context, gap=[])
    return NamedStage(name, kind.make(options, own), tuple(own.gap))


def mark_failed(packet: Packet) -> Packet:
    """Say that nothing is known of this frame, so that what fails closed can close."""
    return dataclasses.replace(packet, faces=(), search=Search.FAILED)
