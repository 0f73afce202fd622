"""``edgefuse fleet update``: which release is desired on some devices, and how they come to it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

from edgefuse import clock
from edgefuse.cli._fleet_actions import add_action, add_selector, add_site, find_selector, site_folder
from edgefuse.cli._words import printable, show_count
from edgefuse.errors import ConfigError
from edgefuse.fleet.audit import find_user, note_act
from edgefuse.fleet.following import HELD_S, Ended, Following, observe_deployments
from edgefuse.fleet.labels import select
from edgefuse.fleet.session import BrokerError, Session, connected
from edgefuse.fleet.site import load_register
from edgefuse.fleet.wishing import make_wish, take_back, wish
from edgefuse.link.messages import Desired

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions

TICK_S = 0.5
RETRY_S = 2.0
_LINE = "{n_fmt} of {total_fmt} |{bar}| {elapsed}{postfix}"


def add_actions(actions: Actions) -> None:
    """Add what updates devices."""
    update = add_action(actions, "update", "say which release is desired on devices", " door-3 7 --wait", _update)
    update.usage = "%(prog)s NAME... RELEASE [options]  or  %(prog)s -l LABELS RELEASE [options]"
    update.add_argument(
        "words", metavar="NAME RELEASE", nargs="*", help="devices, unless labels name some, and the release's id"
    )
    add_selector(update)
    update.add_argument("--deployment", metavar="ID", help="to find it by (default: one of its own)")
    update.add_argument("--wait", action="store_true", help="until it has ended on all; the exit code is 1 if not well")
    update.add_argument("--clear", action="store_true", help="take back what is desired; without a RELEASE")
    add_site(update)


def _update(options: argparse.Namespace) -> int:
    folder = site_folder(options)
    devices, release = _read_words(options, folder)
    if release is None:
        with connected(folder) as session:
            take_back(session, devices)
        note_act(folder, find_user(), "take back", devices, outcome="done")
        print(f"desired on {_name(devices)}: nothing any more; what has begun goes on (fleet send: cancel-update)")
        return 0
    desired = make_wish(folder, release, options.deployment)
    if options.wait:
        return _wish_and_wait(folder, devices, desired)
    with connected(folder) as session:
        wish(session, devices, desired)
    _note(folder, devices, desired)
    _tell(devices, desired)
    return 0


def _read_words(options: argparse.Namespace, folder: Path) -> tuple[list[str], str | None]:
    """Give the devices that are meant, and the release; nothing for none.

    Raises:
        ConfigError: They are too few or too many, or no device has such labels.
        EdgefuseError: A device is not enrolled, or is revoked.
    """
    words = list(options.words)
    if options.clear and (options.wait or options.deployment):
        raise ConfigError("cannot take back what is desired with --wait or --deployment: there is nothing to follow")
    release = None if options.clear or not words else words.pop()
    if bool(words) == (options.selector is not None) or (release is None and not options.clear):
        raise ConfigError("cannot update: expected NAME... RELEASE, or -l LABELS RELEASE; with --clear no RELEASE")
    register = load_register(folder)
    for name in words:
        register.find(name)
    return list(dict.fromkeys(words)) or select(register, find_selector(options)), release


def _note(folder: Path, devices: list[str], desired: Desired) -> None:
    """Write into the audit what is wished for."""
    detail = f"release {desired.release}, deployment {desired.deployment}"
    note_act(folder, find_user(), "update", devices, detail, outcome="done")


def _tell(devices: list[str], desired: Desired) -> None:
    print(f"desired on {_name(devices)}: release {desired.release}, deployment {desired.deployment}")


def _name(devices: list[str]) -> str:
    return devices[0] if len(devices) == 1 else show_count(len(devices), "device")


def _wish_and_wait(folder: Path, devices: list[str], desired: Desired) -> int:
    """Wish, follow how it goes, and tell how it ends on each device."""
    following = Following(desired.deployment, devices)
    with connected(folder) as session:
        observe_deployments(session, devices)
        for heard in session.receive_retained(HELD_S):
            following.note_before(heard)
        wish(session, devices, desired)
    _note(folder, devices, desired)
    _tell(devices, desired)
    with tqdm(total=len(devices), bar_format=_LINE, disable=None, leave=False) as bar:
        watch = _Watch(following, bar)
        while not following.is_over:
            watch.follow(folder, devices)
    return 0 if watch.is_well else 1


class _Watch:
    """The line that tells how it goes, on a terminal, and one for each device as it ends there."""

    def __init__(self, following: Following, bar: tqdm[NoReturn]) -> None:
        self.is_well = True
        self._following, self._bar = following, bar

    def follow(self, folder: Path, devices: list[str]) -> None:
        """Show what comes until it is over or the connection is lost; the broker holds each device's newest report."""
        try:
            with connected(folder) as session:
                observe_deployments(session, devices)
                while not self._following.is_over:
                    self._take_news(session)
                    self._bar.set_postfix_str(self._following.describe())
        except BrokerError as e:
            print(f"edgefuse: {e}; trying again", file=sys.stderr)
            time.sleep(RETRY_S)

    def _take_news(self, session: Session) -> None:
        """Take in what comes until the line is to be drawn again."""
        end_ns = clock.now_ns() + round(TICK_S * clock.NS_PER_S)
        while not self._following.is_over and (left_ns := end_ns - clock.now_ns()) > 0:
            heard = session.receive(left_ns / clock.NS_PER_S)
            if heard is not None and (ended := self._following.take(heard)) is not None:
                self._show_end(ended)

    def _show_end(self, ended: Ended) -> None:
        self.is_well &= ended.is_committed
        self._bar.clear()
        print(printable(f"{ended.device}: {ended.state}" + (f": {ended.reason}" if ended.reason else "")), flush=True)
        self._bar.set_postfix_str(self._following.describe(), refresh=False)
        self._bar.update()
