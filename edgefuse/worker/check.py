"""Checking a site configuration before it is used: everything that needs no camera and opens no model."""

from __future__ import annotations

import sys
from pathlib import Path

from edgefuse.config.site import DEFAULT_EFFECT, Site, load_site, with_face
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.planning.board import probe_board
from edgefuse.planning.proof import plan_unit
from edgefuse.store.state import load_state, state_path
from edgefuse.worker.run import RunRequest, check_request

WRONG = 2
"""Exit code where something is wrong."""


def answer_check(path: Path) -> int:
    """Say on stdout what is wrong with a site configuration, and give the exit code."""
    try:
        check_site(load_site(path))
    except EdgefuseError as e:
        sys.stdout.write(f"{e}\n")
        return WRONG
    return 0


def check_site(site: Site) -> None:
    """Check addresses, stage options, the donor's photo, the point, and that something can run here.

    Raises:
        EdgefuseError: The first thing that is wrong.
    """
    if site.face is not None and not Path(site.face).is_file():
        raise ConfigError(f"cannot use {site.face} as a face: no such file; name a photo of one person")
    board = probe_board(site.profile, memory_mb=site.memory_mb)
    effect = site.effect or DEFAULT_EFFECT
    settings = with_face(site.settings, effect, site.face)
    request = RunRequest(site.source, site.sink, effect, settings, site.pin_point or 0)
    check_request(request, board.profile)
    plan_unit(board.profile, board.release, board.host, board.store, load_state(state_path()))
