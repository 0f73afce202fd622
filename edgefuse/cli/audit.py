"""``edgefuse audit``: what the fleet asked of this unit and what came of it, and whether that record is whole."""

from __future__ import annotations

import argparse
import sys
from collections import deque
from pathlib import Path

import msgspec

from edgefuse import paths
from edgefuse.cli._words import printable, show_count, show_time
from edgefuse.command import Command
from edgefuse.errors import EdgefuseError
from edgefuse.link.audit import WholeLine, list_files, read_chain
from edgefuse.link.ledger import Accepted, AnyRecord, Checkpoint, Finished
from edgefuse.supervisor.control import is_service_asked

_SERVICE_AUDIT = Path("/var/lib/edgefuse/audit")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What other programs are told of a record."""

    n: int
    at: str
    is_chained: bool
    """It follows the record before; if not, some were changed or removed there."""
    hash: str
    record: AnyRecord


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, nargs="?", help="with a copy of it (default: this unit's)"
    )
    parser.add_argument(
        "-n", "--lines", metavar="N", type=int, default=20, help="the newest to show (20); all are checked"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def _run(options: argparse.Namespace) -> int:
    folder = options.folder or _find_folder()
    if not list_files(folder):
        raise EdgefuseError(f"cannot show the audit: there is none in {folder}; a unit has one once it has a link")
    newest: deque[Shown] = deque(maxlen=max(0, options.lines))
    count, breaks, head = 0, [], ""
    for whole, follows in read_chain(folder):
        newest.append(_make_shown(whole, is_chained=follows))
        count, head = count + 1, whole.hash
        breaks += [] if follows else [whole.line.n]
    for shown in newest:
        print(msgspec.json.encode(shown).decode() if options.json else describe(shown))
    print(sum_up(count, breaks, head), file=sys.stderr)
    return 1 if breaks else 0


def _find_folder() -> Path:
    return _SERVICE_AUDIT if is_service_asked() else paths.state_dir() / "audit"


def _make_shown(whole: WholeLine, *, is_chained: bool) -> Shown:
    line = whole.line
    return Shown(n=line.n, at=line.t, is_chained=is_chained, hash=whole.hash, record=line.record)


def describe(shown: Shown) -> str:
    """Give a record on one line."""
    break_mark = "" if shown.is_chained else "BROKEN: what was before it is not what was written; "
    return printable(f"{show_time(shown.at)} {break_mark}{_tell(shown.record)}")


def _tell(record: AnyRecord) -> str:
    if isinstance(record, Accepted):
        return f"accepted {record.command} {bytes(record.args).decode()} ({record.id}, key {record.key_id})"
    if isinstance(record, Finished):
        reason = f": {record.reply.reason}" if record.reply.reason else ""
        return f"{record.reply.outcome}{reason} ({record.reply.id}, key {record.key_id})"
    if isinstance(record, Checkpoint):
        return f"a new file; {show_count(len(record.ledger.replies), 'command')} remembered"
    more = f", after {record.unrecorded} that came too fast to be recorded" if record.unrecorded else ""
    return f"refused {record.fault}: {record.reason} ({record.id or 'no id'}, key {record.key_id or 'unknown'}){more}"


def sum_up(count: int, breaks: list[int], head: str) -> str:
    """Say whether the chain is whole."""
    if breaks:
        places = ", ".join(str(n) for n in breaks[:8])
        return f"the chain of {show_count(count, 'record')} is BROKEN before {places}: some were changed or removed"
    return f"the chain of {show_count(count, 'record')} is whole and ends with {head[:16]}"


PLUGIN = Command(
    help="show what the fleet asked of this unit and what came of it, and check that nothing of it was changed",
    example="edgefuse audit -n 50",
    add_arguments=_add_arguments,
    run=_run,
)
