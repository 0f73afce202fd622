"""Kill the broker for minutes while a device goes on telling events: what is lost, is order kept, does memory grow?

Then say when a fleet that lost its broker comes back, from the pauses that each device draws for itself.
Passes when no event is lost or out of order and the device's memory has grown by less than 2 MB (else exit code 1).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec
from fakes.broker import Broker
from fakes.operator_station import Observer

from benching.command import run_bench
from benching.link_device import Device
from edgefuse.link.backoff import Backoff

EVENTS_A_SECOND = 10
BIN_S = 10
MAX_GROWTH_MB = 2.0


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    minutes: float
    told: int
    received: int
    is_in_order: bool
    back_after_s: float
    """From the broker's start until it had everything."""
    rss_before_mb: float
    rss_after_mb: float
    devices: int
    returns: dict[int, int]
    """Devices that are back, by the second of the bin's start after the broker's."""

    @property
    def has_passed(self) -> bool:
        """Nothing was lost, and memory is flat."""
        grown_mb = self.rss_after_mb - self.rss_before_mb
        return self.told == self.received and self.is_in_order and grown_mb < MAX_GROWTH_MB


def measure(options: argparse.Namespace) -> Outage:
    """Do it."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "broker")
        broker.start()
        observer = Observer(broker.port)
        device = Device(Path(folder), broker.url)
        try:
            return _measure(options, broker, observer, device)
        finally:
            device.process.kill()
            device.process.wait()
            observer.close()
            broker.close()


def _measure(options: argparse.Namespace, broker: Broker, observer: Observer, device: Device) -> Outage:
    told = _tell(device, 0, 10.0)
    observer.wait(lambda: len(observer.events()) == told)
    before_mb = device.rss_mb()
    broker.kill()
    told = _tell(device, told, options.minutes * 60.0)
    subscriptions = observer.subscriptions
    broker.start()
    started_s = time.monotonic()
    observer.wait(lambda: observer.subscriptions > subscriptions)
    observer.wait(lambda: len([e for e in observer.events() if e.kind == "told"]) >= told, 180.0)
    texts = [event.text for event in observer.events() if event.kind == "told"]
    return Outage(
        minutes=options.minutes,
        told=told,
        received=len(texts),
        is_in_order=texts == [str(i) for i in range(told)],
        back_after_s=round(time.monotonic() - started_s, 1),
        rss_before_mb=round(before_mb, 1),
        rss_after_mb=round(device.rss_mb(), 1),
        devices=options.devices,
        returns=spread(options.devices, options.minutes * 60.0),
    )


def spread(devices: int, outage_s: float) -> dict[int, int]:
    """Give how many devices come back in each bin after an outage that began for all at once."""
    bins: Counter[int] = Counter()
    for number in range(devices):
        backoff = Backoff(f"device-{number}")
        at_s = 0.0
        while at_s < outage_s:
            at_s += backoff.next_s()
        bins[int((at_s - outage_s) // BIN_S) * BIN_S] += 1
    return dict(sorted(bins.items()))


def _tell(device: Device, first: int, seconds: float) -> int:
    """Have the device tell numbered events for so long, and give the next number."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        device.say(str(first))
        first += 1
        time.sleep(1.0 / EVENTS_A_SECOND)
    return first


def describe(outage: Outage) -> str:
    """Say it in lines."""
    widest = max(outage.returns.values())
    bars = [f"{start:5} s {count:5} {'█' * round(40 * count / widest)}" for start, count in outage.returns.items()]
    return "\n".join(
        [
            f"broker killed for {outage.minutes:g} minutes: {outage.received} of {outage.told} events came, "
            f"{'in order' if outage.is_in_order else 'NOT in order'}, {outage.back_after_s} s after its start",
            f"the device's memory: {outage.rss_before_mb} MB before, {outage.rss_after_mb} MB after",
            f"{outage.devices} devices come back, by {BIN_S} s:",
            *bars,
        ]
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/outage", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="without a broker (5)")
    parser.add_argument("--devices", type=int, default=1000, help="whose return is drawn (1000)")
    _, outage = run_bench(parser, measure, describe)
    return 0 if outage.has_passed else 1


if __name__ == "__main__":
    sys.exit(main())
