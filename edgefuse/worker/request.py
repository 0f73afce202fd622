"""What is to be run, and what of that can be checked before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgefuse.config.profile import Profile
from edgefuse.errors import ConfigError, SinkError
from edgefuse.store.release import Release
from edgefuse.vision.pipeline import COMMAND_LINE, Effect, lay_over, load_options, stage_names, stage_types
from edgefuse.vision.sink import PACKAGE as SINKS
from edgefuse.vision.sink import make_sink
from edgefuse.vision.source import PACKAGE as SOURCES
from edgefuse.vision.source import make_source, split_address

_FILE_SOURCES = ("file", "loop", "photo")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run."""

    source: str
    sink: str
    effect: Effect
    settings: Mapping[str, Mapping[str, str]]
    """Stage options by stage and key, values as YAML text."""
    point: int = 0
    is_paced: bool = False
    """Play a file as if it were a camera, dropping frames that come too fast."""
    frames: int | None = None
    """Stop after so many frames of the source."""
    is_drawn: bool = False
    """Draw what is known of the faces into the frames, for people who look for a mistake."""
    settings_origin: str = COMMAND_LINE
    """Where people wrote the settings; stands before each key in error lines."""


@dataclass(frozen=True, slots=True)
class Job:
    """A request whose stages and options exist."""

    request: RunRequest
    options: Mapping[str, msgspec.Struct]
    tasks: frozenset[str]
    """What the stages run models for."""
    preparing_tasks: frozenset[str]
    """What models are used for where they are there; most are only needed while stages are made."""
    lasting_tasks: frozenset[str]
    """Those of ``preparing_tasks`` whose models stay open."""


def check_request(request: RunRequest, profile: Profile, release: Release) -> Job:
    """Check what can be checked in no time, before models are fetched: all but what is live is looked at.

    Args:
        request: What to run; its settings win over those of the release.
        profile: The kind of board.
        release: What it will run with.

    Raises:
        ConfigError: An address is empty, or the point, a stage or one of its options does not exist.
        SourceError: The address cannot be understood, or the file is missing or no video or picture.
        SinkError: The address cannot be understood, its folder is missing, or the sink would overwrite the source.
    """
    _check_addresses(request)
    ladder = release.fit(profile).ladder
    last = len(ladder) - 1
    if not 0 <= request.point <= last:
        raise ConfigError(f"cannot run at point {request.point}: '{profile.id}' has points 0 to {last}")
    options = _load_options(request, release)
    types = stage_types(tuple(options))
    tasks = {task for t in types.values() for task in t.tasks}
    preparing_tasks = {task for name, t in types.items() for task in t.preparing_tasks(options[name])}
    lasting_tasks = {task for t in types.values() for task in t.lasting_tasks(ladder)}
    return Job(request, options, frozenset(tasks), frozenset(preparing_tasks | lasting_tasks), frozenset(lasting_tasks))


def _load_options(request: RunRequest, release: Release) -> dict[str, msgspec.Struct]:
    """Give the options of the stages that run: a request's settings win over its release's, key by key.

    The release's are checked by themselves first, so that what is wrong afterwards is wrong in the request's.
    """
    below, below_origin = release.settings, f"release {release.id}: settings."
    stage_names(request.effect, below, below_origin)
    names = stage_names(
        request.effect, lay_over(below, request.settings), request.settings_origin, is_drawn=request.is_drawn
    )
    types = stage_types(names)
    below = {stage: below[stage] for stage in names if stage in below}  # a release has settings for all effects
    load_options(types, below, below_origin)
    return load_options(types, lay_over(below, request.settings), request.settings_origin)


def _check_addresses(request: RunRequest) -> None:
    """Refuse what is no address, a file that cannot be read, and to write what is being read."""
    if not request.source or not request.sink:
        raise ConfigError(
            f"cannot run: the {'sink' if request.source else 'source'} is empty; name a file or an address"
        )
    (reader, source), (writer, sink) = split_address(request.source, SOURCES), split_address(request.sink, SINKS)
    if reader == writer == "file" and Path(sink).exists() and Path(source).exists() and Path(sink).samefile(source):
        raise SinkError(f"cannot write {sink}: it is the source; name another")
    make_sink(request.sink)
    made = make_source(request.source)
    # A file may be opened twice. A pipe may not, and in a folder there may be thousands.
    if reader in _FILE_SOURCES and (Path(source).is_file() or not Path(source).exists()):
        with closing(made):
            made.open()
