"""Checking a site configuration before it is used: everything that needs no camera and opens no model."""

from __future__ import annotations

import sys
from pathlib import Path

from edgefuse.config.site import DEFAULT_EFFECT, Site, load_site, settings_origin, site_path, with_face
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.planning.board import probe_board
from edgefuse.planning.proof import plan_unit
from edgefuse.store.state import load_state, state_path
from edgefuse.worker.request import RunRequest, check_request

WRONG = 2
"""Exit code where something is wrong."""


def answer_check(path: Path) -> int:
    """Say on stdout what is wrong with a site configuration, and give the exit code."""
    try:
        # The supervisor's question lies in memory; people look for the mistake in the file.
        check_site(load_site(path), site_path() if path.is_relative_to("/dev/fd") else path)
    except EdgefuseError as e:
        sys.stdout.write(f"{e}\n")
        return WRONG
    return 0


def check_site(site: Site, path: Path) -> None:
    """Check addresses, stage options, the donor's photo, the point, and that something can run here.

    Args:
        path: What it is called in error lines.

    Raises:
        EdgefuseError: The first thing that is wrong.
    """
    if site.face is not None and not Path(site.face).is_file():
        raise ConfigError(f"cannot use {site.face} as a face: no such file; name a photo of one person")
    board = probe_board(site.profile, memory_mb=site.memory_mb)
    effect = site.effect or DEFAULT_EFFECT
    settings = with_face(site.settings, effect, site.face)
    origin, point = settings_origin(path), site.pin_point or 0
    request = RunRequest(site.source, site.sink, effect, settings, point, settings_origin=origin)
    check_request(request, board.profile, board.release)
    plan_unit(board.profile, board.release, board.host, board.store, load_state(state_path()))
