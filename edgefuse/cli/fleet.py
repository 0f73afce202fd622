"""``edgefuse fleet``: the operator's side; its actions are in ``_fleet_*.py``."""

from __future__ import annotations

from edgefuse.cli import (
    _fleet_console,
    _fleet_enrolment,
    _fleet_home_assistant,
    _fleet_send,
    _fleet_serve,
    _fleet_simulate,
    _fleet_update,
    _fleet_view,
    _fleet_why,
)
from edgefuse.cli._group import make_group

PLUGIN = make_group(
    "operate many devices: make a site, take devices in, watch and command them, and end trust",
    "edgefuse fleet send door-3 set-effect anonymise",
    _fleet_enrolment.add_actions,
    _fleet_view.add_actions,
    _fleet_why.add_actions,
    _fleet_send.add_actions,
    _fleet_update.add_actions,
    _fleet_simulate.add_actions,
    _fleet_serve.add_actions,
    _fleet_home_assistant.add_actions,
    _fleet_console.add_actions,
)
