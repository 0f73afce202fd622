"""``edgefuse fleet``: the operator's side; its actions are in ``_fleet_*.py``."""

from __future__ import annotations

import argparse

from edgefuse.cli import (
    _fleet_enrolment,
    _fleet_home_assistant,
    _fleet_send,
    _fleet_serve,
    _fleet_simulate,
    _fleet_update,
    _fleet_view,
    _fleet_why,
)
from edgefuse.command import Command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _fleet_enrolment.add_actions(actions)
    _fleet_view.add_actions(actions)
    _fleet_why.add_actions(actions)
    _fleet_send.add_actions(actions)
    _fleet_update.add_actions(actions)
    _fleet_simulate.add_actions(actions)
    _fleet_serve.add_actions(actions)
    _fleet_home_assistant.add_actions(actions)


def _run(options: argparse.Namespace) -> int:
    code: int = options.action(options)
    return code


PLUGIN = Command(
    help="operate many devices: make a site, take devices in, watch and command them, and end trust",
    example="edgefuse fleet send door-3 set-effect anonymise",
    add_arguments=_add_arguments,
    run=_run,
)
