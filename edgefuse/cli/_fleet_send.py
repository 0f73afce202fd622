"""``edgefuse fleet send``: one signed command to one device, and what came of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from edgefuse import disk
from edgefuse.cli._fleet_actions import add_action, add_site, show_document, site_folder
from edgefuse.cli._words import printable
from edgefuse.fleet.sending import FILE_SUFFIXES, Answer, SilentError, send
from edgefuse.fleet.session import connected
from edgefuse.fleet.signing import make_action, seal_action
from edgefuse.fleet.site import load_register
from edgefuse.link.commands import DEFAULT_LIMIT_S, LIMITS_S
from edgefuse.link.messages import NOTHING, encode

if TYPE_CHECKING:
    from edgefuse.cli._fleet_actions import Actions

Form = Literal["text", "json", "yaml"]
SILENT = 3
"""Exit code where no reply came; the device may still do what was asked."""
PATIENCE_S = 5.0
"""For the way there and back, beyond what a device may take for a command."""


def add_actions(actions: Actions) -> None:
    """Add what commands a device."""
    send = add_action(actions, "send", "ask a device for something", " door-3 set-effect anonymise", _send)
    send.add_argument("device", metavar="NAME")
    send.add_argument("command", metavar="COMMAND", help="status, pin-point, set-effect, pause ... (docs/link.md)")
    send.add_argument(
        "value", metavar="VALUE", nargs="?", help="of pin-point, set-effect, set-face, watch, collect-logs"
    )
    send.add_argument(
        "--wait-s", type=float, help="for the reply; the command expires then (default: what it may take)"
    )
    send.add_argument("--file", type=Path, help="to write a snapshot or logs to (default NAME-ID.jpg or .txt)")
    send.add_argument("--dry-run", action="store_true", help="check what would be sent, and send nothing")
    send.add_argument("-o", dest="form", choices=("text", "json", "yaml"), default="text", help="(default text)")
    add_site(send)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What other programs are told of a command and what came of it."""

    device: str
    command: str
    args: msgspec.Raw
    id: str = ""
    """Empty where nothing was sent."""
    outcome: str = "dry-run"
    reason: str = ""
    result: msgspec.Raw = NOTHING
    file: str | None = None


def _send(options: argparse.Namespace) -> int:
    folder, device, command = site_folder(options), options.device, options.command
    action = make_action(command, options.value)
    load_register(folder).find(device)
    asked = Sent(device=device, command=command, args=msgspec.Raw(encode(action)))
    if options.dry_run:
        _print(asked, options.form)
        return 0
    wait_s = options.wait_s or LIMITS_S.get(type(action), DEFAULT_LIMIT_S) + PATIENCE_S
    try:
        with connected(folder) as session:
            answer = send(session, seal_action(folder, device, command, action, wait_s), wait_s)
    except SilentError as e:
        print(f"edgefuse: {e}", file=sys.stderr)
        return SILENT
    reply, path = answer.reply, _keep_file(options, answer)
    told = {"id": reply.id, "outcome": reply.outcome, "reason": reply.reason, "result": reply.result, "file": path}
    _print(msgspec.structs.replace(asked, **told), options.form)
    return 0 if reply.outcome == "done" else 1


def _keep_file(options: argparse.Namespace, answer: Answer) -> str | None:
    """Write what came, for its owner alone: it shows people."""
    if answer.file is None:
        return None
    path = options.file or Path(f"{options.device}-{answer.reply.id}{FILE_SUFFIXES[options.command]}")
    disk.write_atomically(path, answer.file, mode=0o600)
    return str(path)


def _print(sent: Sent, form: Form) -> None:
    if form != "text":
        print(show_document(sent, form))
        return
    asked = "" if sent.id else f"{sent.command} {bytes(sent.args).decode()} "
    print(printable(f"{sent.device}: {asked}{sent.outcome}" + (f": {sent.reason}" if sent.reason else "")))
    if sent.file:
        print(f"wrote {sent.file}")
    elif bytes(sent.result) != bytes(NOTHING):
        print(show_document(sent.result, "yaml"))
