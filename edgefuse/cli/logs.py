"""``edgefuse logs``: what the service said: the journal, or where there is none the supervisor's newest events."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from edgefuse.cli._supervisor import get_status
from edgefuse.cli._words import show_event
from edgefuse.command import Command
from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import Event, Told, Watch, asking, is_service_asked

_UNIT = "edgefuse"
RETRY_S = 1.0
"""Between two tries to find a supervisor that went away."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument("-n", "--lines", metavar="N", type=_count, default=20, help="how many to begin with (20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, got '{text}'")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    if (journalctl := _find_journalctl()) is not None:
        os.execv(journalctl, journal_command(options.lines, is_followed=options.follow, is_json=options.json))
    print("there is no journal of a service here; these are the supervisor's newest events", file=sys.stderr)
    for event in _follow(options.lines) if options.follow else _last(get_status().events, options.lines):
        print(msgspec.json.encode(event).decode() if options.json else show_event(event), flush=options.follow)
    return 0


def _find_journalctl() -> str | None:
    """Find the journal's reader where systemd runs the service; a person's own supervisor writes to no journal."""
    has_journal = Path("/run/systemd/system").is_dir() and is_service_asked()
    return shutil.which("journalctl") if has_journal else None


def journal_command(lines: int, *, is_followed: bool, is_json: bool) -> list[str]:
    """Give the command line that reads the journal; on a terminal it colours lines by their priority."""
    follow = ["--follow"] if is_followed else []
    form = "json" if is_json else "short-iso"
    return ["journalctl", f"--unit={_UNIT}", f"--lines={lines}", f"--output={form}", "--no-pager", *follow]


def _last(events: Sequence[Event], count: int) -> Sequence[Event]:
    return events[max(0, len(events) - count) :]


def _follow(count: int) -> Iterator[Event]:
    """Give the last events, then each new one, through restarts of the supervisor.

    Raises:
        EdgefuseError: None could ever be asked.
    """
    seen: tuple[Event, ...] | None = None
    for events in _watch():
        yield from _last(events, count) if seen is None else new_events(seen, events)
        seen = events


def _watch() -> Iterator[tuple[Event, ...]]:
    """Give the supervisor's newest events again and again; one that went away is waited for.

    Raises:
        EdgefuseError: None could ever be asked.
    """
    has_answered = is_answering = False
    while True:
        reason = "it closed the connection"
        try:
            for reply in asking(Watch()):
                if isinstance(reply, Told):
                    has_answered = is_answering = True
                    yield reply.status.events
        except EdgefuseError as e:
            if not has_answered:
                raise
            reason = str(e)
        if is_answering:  # said once, not at each try
            print(f"the supervisor does not answer, waiting for it: {reason}", file=sys.stderr)
        is_answering = False
        time.sleep(RETRY_S)


def new_events(seen: Sequence[Event], events: Sequence[Event]) -> Sequence[Event]:
    """Give the events after those that were seen; the supervisor keeps only the newest, so the first may be gone."""
    for overlap in range(min(len(seen), len(events)), 0, -1):
        if tuple(events[:overlap]) == tuple(seen[-overlap:]):
            return events[overlap:]
    return events


PLUGIN = Command(
    help="show what the service said and what happened to it",
    example="edgefuse logs -f",
    add_arguments=_add_arguments,
    run=_run,
)
