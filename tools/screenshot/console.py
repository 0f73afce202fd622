"""Take the pictures of the console: a fleet, a hot board, deployments, a telephone, and the live page of one machine.

Usage: tools/docs/console_pictures [--minutes N]

The fleet is simulated (``edgefuse fleet simulate``), the machine is this one (``edgefuse up``).
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from pathlib import Path

from fakes.chromium import Chromium, Page, chromium
from fakes.live_page import write_still
from fakes.up import Up, new_root
from fakes.watched_fleet import watched_fleet

from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, fetch_media
from edgefuse.store.store import open_store

PLACE = Path(__file__).resolve().parents[2] / "docs/img"
DEVICES, FAULTS = 40, ("--hot", "4", "--flapping", "2")
HOT = "sim-00005"
WIDE_PX, TALL_PX, PHONE_PX = (1280, 800), (1280, 1180), (360, 740)
SHARP = 2.0
"""Pixels of a picture for each of a telephone."""
HERE_S = 90.0


def main() -> None:
    """Let the fleet live for a while, and take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0, help="of history before (%(default)g)")
    options = parser.parse_args()
    with chromium() as browser:
        show_fleet(browser, options.minutes)
        show_this_machine(browser)


def show_fleet(browser: Chromium, minutes: float) -> None:
    """Take the pictures of simulated devices."""
    with tempfile.TemporaryDirectory() as folder, watched_fleet(Path(folder), DEVICES, *FAULTS) as fleet:
        time.sleep(minutes * 60)
        page = browser.page(*WIDE_PX)
        page.open(fleet.entrance())
        page.wait_for("table.fleet tbody th")
        push(page, "board=raspberry-pi-5", "board=intel-nuc")
        take(page, "console-fleet", "?sort=-temp", "table.fleet tbody th")
        page.size(*TALL_PX)
        take(page, "console-device", f"devices/{HOT}", ".facts dd", "the governor")
        page.size(*WIDE_PX, is_dark=True)
        take(page, "console-dark", "?sort=-temp", "table.fleet tbody th")
        page.size(*PHONE_PX, scale=SHARP)
        take(page, "console-phone", "", "table.fleet tbody th")


def push(page: Page, *labels: str) -> None:
    """Push a release to all devices with each of some labels, and take a picture while the last ones are under way."""
    page.ask("location.hash = '#/releases'")
    for label in labels:
        page.click("table.plain tr:first-child button", "Push")
        page.click("#whom-many")
        page.choose("#push-label", label)
        page.click("dialog button.grave", "Push")
        page.wait_for("dialog .told", "Pushed as deployment")
        page.click("dialog button", "Close")
        page.wait_for(".deployment .chip", "TRIAL")
    take(page, "console-releases", "releases", ".deployment .chip", "ROLLED_BACK")


def show_this_machine(browser: Chromium) -> None:
    """Take the picture of a machine with its live picture."""
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        photo = fetch_media(ASTRONAUT, store, fetcher)
    with new_root() as root, tempfile.TemporaryDirectory() as folder:
        os.environ["EDGEFUSE_ROOT"] = str(root)
        with Up("--source", str(write_still(photo, Path(folder) / "film.mp4")), "--effect", "anonymise") as up:
            up.wait_for_frames()
            (entrance,) = re.findall(r"console +(http\S+#token=\S+)", up.text)
            page = browser.page(*TALL_PX)
            page.open(entrance)
            page.click("table.fleet tbody th a")
            page.wait("document.querySelector('.picture img')?.naturalWidth")
            time.sleep(HERE_S)
            save(page, "console-here")


def take(page: Page, name: str, place: str, selector: str, text: str = "") -> None:
    """Go to a page, wait until it shows something, and take its picture."""
    page.ask(f"location.hash = '#/{place}'")
    page.wait_for(selector, text)
    save(page, name)


def save(page: Page, name: str) -> None:
    """Write the picture, once nothing moves any more."""
    time.sleep(2.0)
    page.picture(PLACE / f"{name}.png")
    print(f"wrote docs/img/{name}.png")


if __name__ == "__main__":
    main()
