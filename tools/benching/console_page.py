"""Measure the console's page in Chromium: first view, filters, how soon a report is seen, and memory over minutes."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
from fakes import sayings
from fakes.broker import BrokerMissingError
from fakes.certified import CertifiedClient
from fakes.chromium import ChromiumMissingError, Page, chromium
from fakes.watched_fleet import WatchedFleet, watched_fleet

from benching.command import run_bench
from benching.link_device import cpu_s
from edgefuse import clock
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.enrolment import enrol
from edgefuse.fleet.site import load_register
from edgefuse.link.credentials import install_credentials
from edgefuse.link.messages import SystemReport, encode
from edgefuse.link.topics import PIPELINE, STATE, SYSTEM, make_topic

VIEWS = 5
FILTERS = ("sim-0042", "jetson", "raspberry warm", "fault=hot", "nothing at all", "")
ROUNDS = 4
"""Of all filters."""
PROBE = "probe"
REPORTS = 20
REPORT_S = 3.1
"""Above what it takes until a report is seen: none replaces another before."""
IDLE_S = 20.0
ARRIVAL_S = 900.0
"""Ten thousand devices come within four minutes on a busy machine."""

_FIRST_ROW = """new Promise(done => {
  const isThere = () => document.querySelector('.fleet tbody th a');
  const look = () => isThere() ? done(performance.now()) : requestAnimationFrame(look);
  look();
})"""
_FILTER = """new Promise(done => {
  const search = document.querySelector('input[type=search]'), begun = performance.now();
  search.value = %s;
  search.dispatchEvent(new Event('input'));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
})"""
_WATCH = """window.seen = {};
new MutationObserver(() => {
  const text = document.querySelector('.fleet tbody .c-temp')?.textContent;
  if (text && !(text in window.seen)) window.seen[text] = Date.now() / 1000;
}).observe(document.querySelector('table.fleet'), {subtree: true, childList: true, characterData: true});"""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    devices: int
    first_view_ms: list[float]
    """From asking for the page until the first row is drawn, with the login that the browser has."""
    filter_ms: list[float]
    """From a change of the search until the page is drawn, with all rows and the order of a figure."""
    update_s: list[float]
    """From a device's report until its row shows it."""
    heap_mb: list[float]
    """Of the page after a collection of garbage, every 20 s."""
    nodes: list[int]
    alone_cores: float
    """Of controller and console, without a browser."""
    watched_cores: float
    """With one."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/console_page", description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000, help="(default %(default)s)")
    parser.add_argument("--minutes", type=float, default=10.0, help="that memory is looked at (default %(default)g)")
    run_bench(parser, _measure, _describe)
    return 0


def _measure(options: argparse.Namespace) -> Figures:
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            chromium() as browser,
            watched_fleet(Path(folder), options.devices, "--hot", "20", patience_s=ARRIVAL_S) as fleet,
        ):
            alone_cores = _count_cores(fleet, IDLE_S)
            return _look(browser.page(), fleet, options, alone_cores)
    except (BrokerMissingError, ChromiumMissingError) as e:
        raise EdgefuseError("cannot measure: mosquitto and Chromium are needed") from e


def _look(page: Page, fleet: WatchedFleet, options: argparse.Namespace, alone_cores: float) -> Figures:
    page.open(fleet.entrance())
    page.wait_for("table.fleet tbody th")
    first_view_ms = [_view(page, fleet) for _ in range(VIEWS)]
    page.ask("location.hash = '#/?sort=-temp'")
    filter_ms = [page.ask(_FILTER % json.dumps(text)) for _ in range(ROUNDS) for text in FILTERS]
    update_s = list(_time_updates(page, fleet))
    page.ask("location.hash = '#/'")
    begun_cpu_s, begun_s = cpu_s(fleet.pid), time.monotonic()
    sizes = [_weigh(page) for _ in _every(IDLE_S, options.minutes * 60)]
    return Figures(
        devices=options.devices,
        first_view_ms=first_view_ms,
        filter_ms=filter_ms,
        update_s=update_s,
        heap_mb=[heap_mb for heap_mb, _ in sizes],
        nodes=[nodes for _, nodes in sizes],
        alone_cores=alone_cores,
        watched_cores=(cpu_s(fleet.pid) - begun_cpu_s) / (time.monotonic() - begun_s),
    )


def _view(page: Page, fleet: WatchedFleet) -> float:
    """Go there anew, and give how long it takes."""
    page.open("about:blank")
    page.open(fleet.address)
    return float(page.ask(_FIRST_ROW))


def _time_updates(page: Page, fleet: WatchedFleet) -> Iterator[float]:
    """Have one device report other temperatures, and look when each is seen."""
    with _probe(fleet) as device:
        said_s = {}
        page.ask(f"location.hash = '#/?q={PROBE}'")
        for n in range(REPORTS):
            temp_c = 20 + n / 10
            said_s[f"{temp_c:.1f} °C"] = time.time()
            _report(device, n, temp_c)
            if n == 0:
                page.wait_for("table.fleet tbody th", PROBE)
                page.ask(_WATCH)
            time.sleep(REPORT_S)
        seen_s = page.ask("window.seen")
    yield from (seen_s[text] - at_s for text, at_s in list(said_s.items())[1:] if text in seen_s)


@contextmanager
def _probe(fleet: WatchedFleet) -> Iterator[CertifiedClient]:
    """Connect a device whose reports are made here."""
    folder = fleet.folder.with_name(PROBE)
    install_credentials(enrol(fleet.folder, PROBE), folder, fleet.folder.stat())
    files = (folder / name for name in ("ca.pem", "device.pem", "device.key"))
    with closing(CertifiedClient(load_register(fleet.folder).port, *files)) as device:
        device.publish(make_topic(PROBE, STATE), encode(msgspec.structs.replace(sayings.ONLINE, t=clock.wall_iso())))
        yield device


def _report(device: CertifiedClient, n: int, temp_c: float) -> None:
    t = clock.wall_iso()
    system: SystemReport = msgspec.structs.replace(sayings.SYSTEM, t=t, n=n, temp_c={"cpu": temp_c})
    device.publish(make_topic(PROBE, PIPELINE), encode(msgspec.structs.replace(sayings.PIPELINE, t=t, n=n)))
    device.publish(make_topic(PROBE, SYSTEM), encode(system))


def _weigh(page: Page) -> tuple[float, int]:
    """Give the heap in MB and the nodes that are alive."""
    page.call("HeapProfiler.collectGarbage")
    heap_mb = page.call("Runtime.getHeapUsage")["usedSize"] / 1e6
    return heap_mb, page.call("Memory.getDOMCounters")["nodes"]


def _every(step_s: float, length_s: float) -> Iterator[None]:
    """Wait from one to the next."""
    end_s = time.monotonic() + length_s
    while time.monotonic() < end_s:
        time.sleep(step_s)
        yield


def _count_cores(fleet: WatchedFleet, length_s: float) -> float:
    begun_s = cpu_s(fleet.pid)
    time.sleep(length_s)
    return (cpu_s(fleet.pid) - begun_s) / length_s


def _describe(figures: Figures) -> str:
    third = max(1, len(figures.heap_mb) // 3)
    first, last = (statistics.median(part) for part in (figures.heap_mb[:third], figures.heap_mb[-third:]))
    return "\n".join(
        [
            f"{figures.devices} devices",
            f"first view           {_show(figures.first_view_ms, 'ms')}",
            f"filter               {_show(figures.filter_ms, 'ms')}",
            f"a report on the page {_show([1000 * each for each in figures.update_s], 'ms')}",
            f"heap                 {first:.1f} MB in the first third of the time, {last:.1f} MB in the last",
            f"nodes                {figures.nodes[0]} at first, {figures.nodes[-1]} at last",
            f"controller, console  {figures.alone_cores:.2f} cores alone, {figures.watched_cores:.2f} with a browser",
        ]
    )


def _show(values: list[float], unit: str) -> str:
    p95 = sorted(values)[min(len(values) - 1, round(0.95 * len(values)))]
    return f"median {statistics.median(values):.0f} {unit}, p95 {p95:.0f} {unit}, longest {max(values):.0f} {unit}"


if __name__ == "__main__":
    raise SystemExit(main())
