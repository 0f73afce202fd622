"""``edgefuse fleet send``: a signed command to one device or to those with some labels, and what came of it."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

import msgspec

from edgefuse import disk
from edgefuse.cli._fleet_actions import (
    add_action,
    add_selector,
    add_site,
    find_selector,
    show_document,
    site_folder,
    wait_time,
)
from edgefuse.cli._words import printable, show_count, show_span
from edgefuse.errors import ConfigError
from edgefuse.fleet.audit import find_user, note_act, note_outcome
from edgefuse.fleet.commanding import command_all
from edgefuse.fleet.labels import select
from edgefuse.fleet.sending import FILE_SUFFIXES, Answer, SilentError
from edgefuse.fleet.session import connected
from edgefuse.fleet.signing import make_action
from edgefuse.fleet.site import load_register
from edgefuse.link.commands import DEFAULT_LIMIT_S, LIMITS_S, Action, name_action
from edgefuse.link.messages import NOTHING, encode

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions

_CODES: Mapping[str, int] = {"dry-run": 0, "done": 0, "refused": 1, "failed": 1, "silent": 3}
"""Exit codes by outcome; after silence the device may still have done what was asked."""
PATIENCE_S = 5.0
"""For the way there and back, beyond what a device may take for a command."""

QUIET_S = 1.0
"""Most replies come in less, and need no word about the wait."""


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
        "--wait-s", type=wait_time, help="for the reply; the command expires then (default: what it may take)"
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
    action: Action

    def tell(self, device: str, **came: object) -> Sent:
        """Give what was asked of a device, and what came of it."""
        asked = Sent(device=device, command=name_action(self.action), args=msgspec.Raw(encode(self.action)))
        return msgspec.structs.replace(asked, **came)


def _send(options: argparse.Namespace) -> int:
    request = _read_request(options)
    sent = map(request.tell, request.devices) if options.dry_run else _send_request(options, request)
    return _print_all(options, sent)


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
    return _Request(names or select(register, find_selector(options)), action)


def _send_request(options: argparse.Namespace, request: _Request) -> Iterator[Sent]:
    """Send it, and give what came of it device by device."""
    folder, action = site_folder(options), request.action
    wait_s = options.wait_s or LIMITS_S.get(type(action), DEFAULT_LIMIT_S) + PATIENCE_S
    came: Counter[str] = Counter()
    with connected(folder) as session, _telling_wait(options, request, wait_s):
        n = note_act(folder, find_user(), name_action(action), request.devices, encode(action).decode())
        for sealed, answer in command_all(session, folder, request.devices, action, wait_s):
            sent = request.tell(sealed.command.device, id=sealed.command.id)
            came["silent" if isinstance(answer, SilentError) else answer.reply.outcome] += 1
            if isinstance(answer, SilentError):
                yield msgspec.structs.replace(sent, outcome="silent", reason=str(answer))
            else:
                yield _take(sent, answer, options.file)
        note_outcome(folder, n, ", ".join(f"{count} {outcome}" for outcome, count in sorted(came.items())))


@contextmanager
def _telling_wait(options: argparse.Namespace, request: _Request, wait_s: float) -> Iterator[None]:
    """Tell who looks at a terminal what is waited for, where that is not over at once."""
    whom = request.devices[0] if options.selector is None else show_count(len(request.devices), "device")
    text = f"waiting for {whom}: {name_action(request.action)}, {show_span(wait_s)} at most"
    timer = Timer(QUIET_S, print, (text,), {"file": sys.stderr})
    timer.daemon = True
    if options.form == "text" and sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _take(sent: Sent, answer: Answer, wished: Path | None) -> Sent:
    """Say what came of it, after keeping the file that came."""
    reply, path = answer.reply, _keep_file(wished, sent, answer)
    return msgspec.structs.replace(
        sent, outcome=reply.outcome, reason=reply.reason, result=reply.result, file=None if path is None else str(path)
    )


def _keep_file(wished: Path | None, sent: Sent, answer: Answer) -> Path | None:
    """Write what came, for its owner alone: it shows people."""
    if answer.file is None:
        return None
    path = wished or Path(f"{sent.device}-{sent.id}{FILE_SUFFIXES[sent.command]}")
    disk.write_atomically(path, answer.file, mode=0o600)
    return path


def _print_all(options: argparse.Namespace, sent: Iterable[Sent]) -> int:
    """Print for people as it comes, for programs one document, which with labels is a list; give the worst code."""
    document = []
    for of in sent:
        document.append(of)
        if options.form == "text":
            _print(of)
    if options.form != "text":
        print(show_document(document if options.selector is not None else document[0], options.form))
    return max(_CODES[of.outcome] for of in document)


def _print(sent: Sent) -> None:
    if sent.outcome == "silent":
        print(f"edgefuse: {sent.reason}", file=sys.stderr)
        return
    asked = "" if sent.id else f"{sent.command} {bytes(sent.args).decode()} "
    print(printable(f"{sent.device}: {asked}{sent.outcome}" + (f": {sent.reason}" if sent.reason else "")))
    if sent.file:
        print(f"wrote {sent.file}")
    elif bytes(sent.result) != bytes(NOTHING):
        print(show_document(sent.result, "yaml"))
