"""``edgefuse fleet list | show | watch``: what devices say of themselves."""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from edgefuse import clock
from edgefuse.cli._fleet_actions import (
    add_action,
    add_selector,
    add_site,
    find_selector,
    show_document,
    site_folder,
    wait_time,
)
from edgefuse.cli._fleet_table import make_table, page_size, render
from edgefuse.cli._screen import Screen, has_colours
from edgefuse.fleet.labels import ALL, NobodyError, Selector
from edgefuse.fleet.roster import Roster, Row
from edgefuse.fleet.session import BrokerError, Session, connected
from edgefuse.fleet.site import load_register
from edgefuse.fleet.viewing import gather, observe, take_news
from edgefuse.link.messages import Inventory, PipelineReport, State, SystemReport

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions

WAIT_S = 12.0
"""Devices report every ten seconds."""
INTERVAL_S = 1.0
RETRY_S = 2.0

Form = Literal["table", "wide", "json", "yaml"]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one device."""

    summary: Row
    state: State | None
    system: SystemReport | None
    pipeline: PipelineReport | None
    inventory: Inventory | None


def add_actions(actions: Actions) -> None:
    """Add what looks at devices."""
    listing = add_action(actions, "list", "show every device in a line", " -o json", _list)
    listing.add_argument(
        "-o", dest="form", choices=("table", "wide", "json", "yaml"), default="table", help="(default %(default)s)"
    )
    _add_wait(listing)
    add_selector(listing)

    showing = add_action(actions, "show", "show all that is known of a device", " door-3", _show)
    showing.add_argument("device", metavar="NAME")
    showing.add_argument("-o", dest="form", choices=("yaml", "json"), default="yaml", help="(default %(default)s)")
    _add_wait(showing)

    watching = add_action(actions, "watch", "show every device live", "", _watch)
    add_site(watching)
    add_selector(watching)


def _add_wait(parser: argparse.ArgumentParser) -> None:
    text = "for reports, at most; they come every 10 s (default %(default)g)"
    parser.add_argument("--wait-s", type=wait_time, default=WAIT_S, help=text)
    add_site(parser)


def _list(options: argparse.Namespace) -> int:
    rows = _gather(options, "+", find_selector(options)).rows(clock.now_ns())
    if not rows and options.selector is not None:
        raise NobodyError
    print(_show_rows(rows, options.form))
    return 0


def _show_rows(rows: list[Row], form: Form) -> str:
    if form in {"json", "yaml"}:
        return show_document(rows, "json" if form == "json" else "yaml")
    return make_table(rows, is_wide=form == "wide")


def _show(options: argparse.Namespace) -> int:
    device = options.device
    load_register(site_folder(options)).find(device)
    roster = _gather(options, device)
    view, row = roster.view(device), next(row for row in roster.rows(clock.now_ns()) if row.device == device)
    shown = Shown(summary=row, state=view.state, system=view.system, pipeline=view.pipeline, inventory=view.inventory)
    print(show_document(shown, options.form))
    return 0


def _gather(options: argparse.Namespace, device: str, selector: Selector = ALL) -> Roster:
    folder = site_folder(options)
    roster = Roster(load_register(folder), clock.now_ns(), selector)
    with connected(folder) as session:
        observe(session, device)
        gather(session, roster, options.wait_s)
    return roster


def _watch(options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` is answered like Ctrl-C
    folder = site_folder(options)
    roster = Roster(load_register(folder), clock.now_ns(), find_selector(options))
    if options.selector is not None and not roster.rows(clock.now_ns()):
        raise NobodyError
    otherwise = "edgefuse fleet list prints a table"
    with Screen(is_coloured=has_colours(os.environ), otherwise=otherwise) as screen:
        watch = Watch(screen, roster)
        while not watch.is_over:
            _follow(folder, watch)
    return 0


def _follow(folder: Path, watch: Watch) -> None:
    """Show what comes until the user leaves or the connection is lost, which is told and tried again."""
    try:
        with connected(folder) as session:
            observe(session)
            while not watch.is_over:
                watch.step(INTERVAL_S, session)
    except BrokerError as e:
        watch.message = f"{e}; trying again"
        watch.step(RETRY_S)


class Watch:
    """A screen with devices, page by page."""

    def __init__(self, screen: Screen, roster: Roster) -> None:
        """Begin on the first page."""
        self.is_over = False
        self.message = "connecting ..."
        self._screen = screen
        self._roster = roster
        self._first = 0

    def step(self, timeout_s: float, session: Session | None = None) -> None:
        """Take in what came, draw it, and do what keys say.

        Raises:
            BrokerError: The connection is lost.
        """
        if session is not None:
            take_news(session, self._roster)
            self.message = ""
        rows = self._roster.rows(clock.now_ns())
        width, height = self._screen.size
        self._first = max(0, min(self._first, len(rows) - page_size(height)))
        self._screen.show(render(rows, width, height, self._first, self.message))
        for key in self._screen.wait(timeout_s):
            self.is_over |= key == "q"
            self._first += {" ": page_size(height), "b": -page_size(height)}.get(key, 0)
