"""``edgefuse fleet why``: why a device is as it is, in plain sentences."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edgefuse import clock
from edgefuse.cli._fleet_actions import add_action, add_site, show_document, site_folder
from edgefuse.cli._fleet_reasons import Known, explain
from edgefuse.cli._sheet import lay_out
from edgefuse.fleet.commanding import command_all
from edgefuse.fleet.roster import Roster, Row
from edgefuse.fleet.sending import SilentError
from edgefuse.fleet.session import Session, connected
from edgefuse.fleet.site import load_register
from edgefuse.fleet.viewing import gather, observe
from edgefuse.link.commands import GetStatus
from edgefuse.link.messages import Inventory, decode
from edgefuse.supervisor.control import Status

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions

ANSWER_S = 5.0
WAIT_S = 12.0
"""For a report, where the device does not answer; reports come every ten seconds."""


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """What other programs are told."""

    summary: Row
    sentences: Mapping[str, tuple[str, ...]]
    """By topic."""
    status: Status | None
    """As the device answered."""
    inventory: Inventory | None


def add_actions(actions: Actions) -> None:
    """Add what explains a device."""
    why = add_action(actions, "why", "tell why a device is as it is", " door-3", _why)
    why.add_argument("device", metavar="NAME")
    why.add_argument("-o", dest="form", choices=("text", "json", "yaml"), default="text", help="(default %(default)s)")
    add_site(why)


def _why(options: argparse.Namespace) -> int:
    known = _find_out(site_folder(options), options.device)
    if options.form == "text":
        print(lay_out(explain(known)))
        return 0
    sentences = {topic: tuple(texts) for topic, texts in explain(known)}
    why = Why(summary=known.row, sentences=sentences, status=known.status, inventory=known.view.inventory)
    print(show_document(why, options.form))
    return 0


def _find_out(folder: Path, device: str) -> Known:
    """Read what the broker holds, ask the device, and where it does not answer wait for its report.

    Raises:
        EdgefuseError: It was never enrolled.
        BrokerError: There is no broker, or the connection is lost.
    """
    register = load_register(folder)
    if device not in register.members:
        register.find(device)  # says what to do
    roster = Roster(register, clock.now_ns())
    with connected(folder) as session:
        observe(session, device)
        gather(session, roster, 0.0)
        status, silence = None, "it is not connected"
        if roster.view(device).is_online:
            status, silence = _ask(session, folder, device)
        if status is None:
            gather(session, roster, WAIT_S)
    now_ns = clock.now_ns()
    row = next(row for row in roster.rows(now_ns) if row.device == device)
    return Known(roster.view(device), row, now_ns, status, silence)


def _ask(session: Session, folder: Path, device: str) -> tuple[Status | None, str]:
    """Give the device's status, or why there is none."""
    ((_, answer),) = command_all(session, folder, [device], GetStatus(), ANSWER_S)
    if isinstance(answer, SilentError):
        return None, f"no answer within {ANSWER_S:g} s"
    if answer.reply.outcome != "done":
        return None, f"{answer.reply.outcome}: {answer.reply.reason}"
    try:
        return decode(answer.reply.result, Status), ""
    except ValueError as e:
        return None, f"it has a form that this edgefuse does not know: {e}"
