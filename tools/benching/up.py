"""Bring everything up on this machine with ``edgefuse up``, and time what a newcomer waits for.

Passes when ``edgefuse fleet list`` has this machine's rate and point within 60 s, a signed command is to be seen in the
pixels of the live page within 1 s of the start of ``edgefuse fleet send`` in the median, and all has ended within 5 s
(else exit code 1). Models are in the store already; the folder is empty otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from fakes.broker import BrokerMissingError
from fakes.live_page import Viewer, watching, write_still
from fakes.up import Up, make_path, new_root

from benching.command import run_bench
from edgefuse import clock
from edgefuse.cli._unit import format_table
from edgefuse.errors import EdgefuseError
from edgefuse.interpreter import module_command
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, fetch_media
from edgefuse.store.store import open_store
from edgefuse.up.home import make_name

LISTED_S, SEEN_S, ENDED_S = 60.0, 1.0, 5.0
DEVICE = make_name(socket.gethostname())


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    broker: str
    frames_s: float
    """From the start of the command until there are frames."""
    listed_s: float
    seen_s: tuple[float, ...]
    ended_s: float
    frames_again_s: float
    """The same, with everything as it was."""

    def faults(self) -> list[str]:
        """List what takes too long."""
        seen_s = statistics.median(self.seen_s)
        checks = {
            f"figures come after {self.listed_s:.1f} s": self.listed_s > LISTED_S,
            f"a command is seen after {seen_s:.2f} s": seen_s > SEEN_S,
            f"the end takes {self.ended_s:.1f} s": self.ended_s > ENDED_S,
        }
        return [fault for fault, is_true in checks.items() if is_true]


def main() -> int:
    """Measure, print, and exit with 1 if anything takes too long."""
    parser = argparse.ArgumentParser(prog="tools/bench/up", description=__doc__)
    parser.add_argument("--broker", choices=("mosquitto", "amqtt"), default="amqtt")
    parser.add_argument("--count", type=int, default=9, metavar="N", help="commands (default %(default)d)")
    _, figures = run_bench(parser, _measure, describe)
    return 1 if figures.faults() else 0


def _measure(options: argparse.Namespace) -> Figures:
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        picture = fetch_media(ASTRONAUT, store, fetcher)
    with tempfile.TemporaryDirectory() as name, new_root() as root:
        folder = Path(name)
        try:
            os.environ.update(EDGEFUSE_ROOT=str(root), PATH=make_path(options.broker, folder))
        except BrokerMissingError as e:
            raise EdgefuseError("cannot measure: there is no mosquitto here, and none can be fetched") from e
        return _measure_in(options, picture, write_still(picture, folder / "film.mp4"))


def _measure_in(options: argparse.Namespace, picture: Path, film: Path) -> Figures:
    start_ns = clock.now_ns()
    with Up("--source", str(film), "--effect", "none") as up:
        up.wait_for_frames()
        frames_s = _since_s(start_ns)
        while not json.loads(_fleet("list", "-o", "json"))[0]["fps"]:
            pass
        listed_s = _since_s(start_ns)
        (page,) = re.findall("http://localhost:[0-9]+/", up.text)
        with watching(page, picture) as viewer:
            seen_s = tuple(_time_command(viewer) for _ in range(options.count))
        _, ended_s = up.end()
    start_ns = clock.now_ns()
    with Up() as again:
        again.wait_for_frames()
        frames_again_s = _since_s(start_ns)
    return Figures(
        broker=options.broker,
        frames_s=frames_s,
        listed_s=listed_s,
        seen_s=seen_s,
        ended_s=ended_s,
        frames_again_s=frames_again_s,
    )


def _time_command(viewer: Viewer) -> float:
    """Have faces hidden, and give the time from the start of the command until a frame shows it."""
    _fleet("send", DEVICE, "set-effect", "none")
    viewer.wait(is_hidden=False)
    start_ns = clock.now_ns()
    with subprocess.Popen(_command("send", DEVICE, "set-effect", "anonymise"), stdout=subprocess.DEVNULL):
        viewer.wait(is_hidden=True)
        return _since_s(start_ns)


def _fleet(*arguments: str) -> str:
    done = subprocess.run(_command(*arguments), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise EdgefuseError(f"cannot measure: edgefuse fleet {arguments[0]} ended with {done.returncode}")
    return done.stdout


def _command(*arguments: str) -> list[str]:
    return module_command(sys.executable, "edgefuse", "fleet", *arguments)


def _since_s(start_ns: int) -> float:
    return (clock.now_ns() - start_ns) / clock.NS_PER_S


def describe(figures: Figures) -> str:
    """Give the figures as people read them."""
    rows = [
        ("what", "seconds"),
        ("first start until frames", f"{figures.frames_s:.1f}"),
        ("first start until fleet list has rate and point", f"{figures.listed_s:.1f}"),
        ("start of a command until a frame shows it, median", f"{statistics.median(figures.seen_s):.2f}"),
        ("the same, best and worst", f"{min(figures.seen_s):.2f}, {max(figures.seen_s):.2f}"),
        ("SIGTERM until nothing is left", f"{figures.ended_s:.1f}"),
        ("again until frames", f"{figures.frames_again_s:.1f}"),
    ]
    return "\n".join([f"broker: {figures.broker}", format_table(rows), *figures.faults()])


if __name__ == "__main__":
    sys.exit(main())
