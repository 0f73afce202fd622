"""``edgefuse fleet send``: a signed command to one device or to those with some labels, and what came of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from edgefuse import disk
from edgefuse.cli._fleet_actions import add_action, add_selector, add_site, find_selector, show_document, site_folder
from edgefuse.cli._words import printable
from edgefuse.errors import ConfigError
from edgefuse.fleet.commanding import command_all
from edgefuse.fleet.labels import select
from edgefuse.fleet.sending import FILE_SUFFIXES, Answer, SilentError
from edgefuse.fleet.session import connected
from edgefuse.fleet.signing import make_action
from edgefuse.fleet.site import load_register
from edgefuse.link.commands import DEFAULT_LIMIT_S, LIMITS_S, Action
from edgefuse.link.messages import NOTHING, encode

if TYPE_CHECKING:
    from edgefuse.cli._fleet_actions import Actions

SILENT = 3
"""Exit code where no reply came; the device may still do what was asked."""
PATIENCE_S = 5.0
"""For the way there and back, beyond what a device may take for a command."""


def add_actions(actions: Actions) -> None:
    """Add what commands devices."""
    send = add_action(actions, "send", "ask devices for something", " door-3 set-effect anonymise", _send)
    send.usage = "%(prog)s NAME COMMAND [VALUE] [options]  or  %(prog)s -l LABELS COMMAND [VALUE] [options]"
    send.add_argument(
        "words",
        metavar="NAME COMMAND VALUE",
        nargs="+",
        help="a device, unless labels name some; status, pin-point, set-effect, pause ... (docs/link.md); "
        "the value of pin-point, set-effect, set-face, watch, collect-logs",
    )
    add_selector(send)
    send.add_argument(
        "--wait-s", type=float, help="for the reply; the command expires then (default: what it may take)"
    )
    send.add_argument("--file", type=Path, help="to write a snapshot or logs to (default NAME-ID.jpg or .txt)")
    send.add_argument("--dry-run", action="store_true", help="check what would be sent to whom, and send nothing")
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


@dataclass(frozen=True, slots=True)
class _Request:
    """What the words on the command line ask for."""

    devices: list[str]
    command: str
    action: Action

    @property
    def asked(self) -> Sent:
        """Give it as it is told, before anything is sent to any device."""
        return Sent(device="", command=self.command, args=msgspec.Raw(encode(self.action)))


def _send(options: argparse.Namespace) -> int:
    request = _read_request(options)
    if options.dry_run:
        _print_all(options, (msgspec.structs.replace(request.asked, device=device) for device in request.devices))
        return 0
    codes: list[int] = []
    _print_all(options, _send_request(options, request, codes))
    return max(codes)


def _read_request(options: argparse.Namespace) -> _Request:
    """Read the words.

    Raises:
        ConfigError: They are too few or too many, or there is no such command or value.
        EdgefuseError: No such device is trusted.
    """
    names, words = (options.words[:1], options.words[1:]) if options.selector is None else ([], options.words)
    if not 1 <= len(words) <= 2:
        raise ConfigError("cannot send: expected NAME COMMAND [VALUE], or -l LABELS COMMAND [VALUE]")
    if options.file is not None and not names:
        raise ConfigError("cannot send: --file is for one device; with labels each file is called after its device")
    action = make_action(words[0], words[1] if len(words) == 2 else None)
    register = load_register(site_folder(options))
    for name in names:
        register.find(name)
    return _Request(names or select(register, find_selector(options)), words[0], action)


def _send_request(options: argparse.Namespace, request: _Request, codes: list[int]) -> Iterator[Sent]:
    """Send it, and give what came of it device by device; ``codes`` gets an exit code for each."""
    folder, action = site_folder(options), request.action
    wait_s = options.wait_s or LIMITS_S.get(type(action), DEFAULT_LIMIT_S) + PATIENCE_S
    with connected(folder) as session:
        for sealed, answer in command_all(session, folder, request.devices, action, wait_s):
            asked = msgspec.structs.replace(request.asked, device=sealed.command.device, id=sealed.command.id)
            if isinstance(answer, SilentError):
                codes.append(SILENT)
                print(f"edgefuse: {answer}", file=sys.stderr)
                yield msgspec.structs.replace(asked, outcome="silent", reason=str(answer))
                continue
            codes.append(0 if answer.reply.outcome == "done" else 1)
            yield _tell(options, asked, answer)


def _tell(options: argparse.Namespace, asked: Sent, answer: Answer) -> Sent:
    """Say what came of it, after keeping the file that came."""
    reply, path = answer.reply, _keep_file(options.file, asked, answer)
    return msgspec.structs.replace(
        asked, outcome=reply.outcome, reason=reply.reason, result=reply.result, file=None if path is None else str(path)
    )


def _keep_file(wished: Path | None, asked: Sent, answer: Answer) -> Path | None:
    """Write what came, for its owner alone: it shows people."""
    if answer.file is None:
        return None
    path = wished or Path(f"{asked.device}-{asked.id}{FILE_SUFFIXES[asked.command]}")
    disk.write_atomically(path, answer.file, mode=0o600)
    return path


def _print_all(options: argparse.Namespace, sent: Iterable[Sent]) -> None:
    """Print for people as it comes; for programs one document, which with labels is a list."""
    if options.form == "text":
        for of in sent:
            _print(of)
        return
    document = list(sent)
    print(show_document(document if options.selector is not None else document[0], options.form))


def _print(sent: Sent) -> None:
    if sent.outcome == "silent":  # stderr has it
        return
    asked = "" if sent.id else f"{sent.command} {bytes(sent.args).decode()} "
    print(printable(f"{sent.device}: {asked}{sent.outcome}" + (f": {sent.reason}" if sent.reason else "")))
    if sent.file:
        print(f"wrote {sent.file}")
    elif bytes(sent.result) != bytes(NOTHING):
        print(show_document(sent.result, "yaml"))
