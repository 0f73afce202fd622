"""The site configuration: what this unit shall do (``/etc/edgefuse/edgefuse.yaml``); only people write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edgefuse import paths
from edgefuse.config import document, loader
from edgefuse.config.link import LinkSettings, parse_broker
from edgefuse.config.updates import UpdateSettings
from edgefuse.errors import ConfigError

EffectName = Literal["fuse_mesh", "anonymise", "none"]
DEFAULT_EFFECT: EffectName = "anonymise"


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person decided for this unit; whatever is left out, edgefuse decides."""

    source: str
    """Where frames come from, as ``edgefuse run --source`` takes it."""
    sink: str
    """Where they go, as ``edgefuse run --sink`` takes it."""
    effect: EffectName | None = None
    """What is done to faces; ``DEFAULT_EFFECT`` without it."""
    face: str | None = None
    """Photo of the donor, for ``fuse_mesh``; a synthetic person without it."""
    settings: dict[str, dict[str, str]] = {}
    """Stage options by stage and key, as ``edgefuse run --set`` takes them."""
    profile: str | None = None
    """Profile to use in place of the one that matches."""
    pin_point: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Operating point to stay at; without it the governor chooses."""
    memory_mb: Annotated[int, msgspec.Meta(ge=100)] | None = None
    """Limit of the worker in place of the profile's."""
    link: LinkSettings | None = None
    """How this unit takes part in a fleet; it says nothing to anybody without it."""
    updates: UpdateSettings = UpdateSettings()
    """How this unit takes releases."""


def site_path() -> Path:
    """Give the place of the site configuration."""
    return paths.config_dir() / "edgefuse.yaml"


def settings_origin(path: Path) -> str:
    """Give what stands before a stage option of that file in error lines."""
    return f"{document.show_path(path)}: settings."


def load_site(path: Path) -> Site:
    """Load the site configuration.

    Raises:
        ConfigError: The file cannot be read or does not fit; one line a mistake.
    """
    site = loader.parse(_read(path), Site, document.show_path(path))
    effect = site.effect or DEFAULT_EFFECT
    if site.face is not None and effect != "fuse_mesh":
        raise ConfigError(f"{document.show_path(path)}: face: the effect '{effect}' has no donor")
    if site.link is not None:
        try:
            parse_broker(site.link.broker)
        except ConfigError as e:
            raise ConfigError(f"{document.show_path(path)}: link.broker: {e}") from e
    return site


def _read(path: Path) -> str:
    try:
        return document.read_text(path)
    except ConfigError as e:
        if isinstance(e.__cause__, FileNotFoundError):
            raise ConfigError(f"{e}; write one with a source and a sink (docs/supervisor.md)") from e
        raise


def with_face(settings: Mapping[str, Mapping[str, str]], effect: str, face: str | None) -> dict[str, dict[str, str]]:
    """Give the settings of stages with the photo of a donor among those of the effect."""
    all_settings = {stage: dict(options) for stage, options in settings.items()}
    if face is not None:
        all_settings.setdefault(effect, {})["face"] = json.dumps(face)
    return all_settings
