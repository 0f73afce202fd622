"""``edgefuse fleet simulate``: devices that are not there, at the site's real broker."""

from __future__ import annotations

import argparse
import logging
import math
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgefuse import clock
from edgefuse.cli._fleet_actions import add_action, add_site, site_folder
from edgefuse.cli._fleet_enrolment import need_certificates
from edgefuse.fleet.simulation.fault import FAULTS, MEANINGS
from edgefuse.link.messages import encode

if TYPE_CHECKING:
    from edgefuse.cli._group import Actions
    from edgefuse.fleet.simulator import Progress, Wishes

Form = Literal["text", "json"]

TOLD_S = {"text": 5.0, "json": 1.0}
"""From one line of progress to the next."""
SLICE_S = 0.2
"""How long the simulation runs between two looks at it."""
CLEANING_S = 30.0
"""For devices of a killed simulation to connect once more."""


def add_actions(actions: Actions) -> None:
    """Add what simulates."""
    parser = add_action(actions, "simulate", "play devices that are not there", " --devices 1000 --hot 10", _simulate)
    parser.add_argument("--devices", metavar="N", type=int, default=10, help="(default %(default)s)")
    parser.add_argument(
        "--seconds", metavar="S", type=float, default=math.inf, help="once all have come (until Ctrl-C)"
    )
    parser.add_argument("--rate", metavar="N", type=float, default=200.0, help="that connect a second (%(default)g)")
    parser.add_argument("--seed", metavar="TEXT", default="0", help="another one gives other boards and weather")
    for fault in FAULTS:
        parser.add_argument(f"--{fault}", metavar="N", type=int, default=0, help=f"so many: {MEANINGS[fault]}")
    parser.add_argument("--remove", action="store_true", help="only take out what a killed simulation left behind")
    parser.add_argument("-o", dest="form", choices=("text", "json"), default="text", help="json: an object a second")
    add_site(parser)


def _simulate(options: argparse.Namespace) -> int:
    need_certificates()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` is answered like Ctrl-C
    logging.getLogger("edgefuse.link").setLevel(logging.WARNING)  # thousands of devices would tell of each connection
    if options.remove:
        return _remove(site_folder(options), options.rate)
    from edgefuse.fleet.simulator import Wishes

    faults = {fault: getattr(options, fault.replace("-", "_")) for fault in FAULTS}
    wishes = Wishes(devices=options.devices, faults=faults, rate_hz=options.rate, seed=options.seed)
    _play(site_folder(options), wishes, options.seconds, options.form)
    return 0


def _play(folder: Path, wishes: Wishes, seconds: float, form: Form) -> None:
    """Simulate until the time is up or the user has enough, and tell now and then how it goes."""
    from edgefuse.fleet.simulator import simulating

    with simulating(folder, wishes) as simulation:
        print(f"simulating sim-00001 to sim-{wishes.devices:05}; Ctrl-C ends it", file=sys.stderr)
        try:
            told_ns, end_ns = clock.now_ns(), math.inf
            while (now_ns := clock.now_ns()) < end_ns:
                if now_ns - told_ns > TOLD_S[form] * clock.NS_PER_S:
                    told_ns = now_ns
                    _tell(simulation.progress(), form)
                simulation.run(SLICE_S)
                if end_ns == math.inf and simulation.is_whole:
                    end_ns = clock.now_ns() + seconds * clock.NS_PER_S
        except KeyboardInterrupt:
            print("the devices take leave; Ctrl-C again ends at once", file=sys.stderr)
        simulation.leave()
        _tell(simulation.progress(), form)


def _remove(folder: Path, rate_hz: float) -> int:
    """Take devices out, and have the broker forget them, which it does only if each of them asks for it."""
    from edgefuse.fleet.simulation.joining import remove_simulated
    from edgefuse.fleet.simulator import Wishes, simulating

    count = len(remove_simulated(folder))
    if count:
        with simulating(folder, Wishes(devices=count, rate_hz=rate_hz)) as simulation:
            end_ns = clock.now_ns() + (count / rate_hz + CLEANING_S) * clock.NS_PER_S
            while simulation.progress().connected < count and clock.now_ns() < end_ns:
                simulation.run(SLICE_S)
            simulation.leave()
    print(f"took {count} simulated devices out of the site")
    return 0


def _tell(progress: Progress, form: Form) -> None:
    if form == "json":
        print(encode(progress).decode(), flush=True)
        return
    print(
        f"{progress.devices} devices, {progress.connected} connected; {progress.messages} messages, "
        f"{progress.events_told} events ({progress.events_waiting} waiting, {progress.events_lost} lost), "
        f"{progress.commands} commands",
        flush=True,
    )
