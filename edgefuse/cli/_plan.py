"""From a profile to a plan that has proven itself here, with progress bars; shared by the commands that run models."""

from __future__ import annotations

from collections.abc import Collection

from edgefuse.cli._download import DownloadBars
from edgefuse.cli._unit import probing_bar
from edgefuse.planning import board as unit
from edgefuse.planning.board import Board
from edgefuse.planning.plan import Plan


def probe_board(profile_id: str | None) -> Board:
    """Probe this unit and give it with its profile and the current release.

    Raises:
        ConfigError: There is no such profile, or none matches.
        PlanError: None of the profile's runtimes works here.
    """
    with probing_bar() as bar:
        return unit.probe_board(profile_id, lambda _: bar.update())


def plan_board(board: Board, tasks: Collection[str], wished_tasks: Collection[str] = ()) -> Plan:
    """Plan for this unit, as ``Board.plan`` does.

    Raises:
        PlanError: Nothing can run for a task that the main job needs.
        FetchError: A model is not here and cannot be had.
    """
    with DownloadBars() as bars:
        return board.plan(tasks, wished_tasks, bars.show)
