"""Measure what one fetch of the metrics of a whole fleet costs: reading the store, and writing the page."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec
from fakes.records import INVENTORY, PIPELINE, STATE, SYSTEM, make_register
from sqlalchemy import insert

from benching.command import run_bench
from edgefuse import clock
from edgefuse.fleet.batch import Batch
from edgefuse.fleet.controller import Counts
from edgefuse.fleet.database import CONTROLLERS, Database, open_database
from edgefuse.fleet.figures import Figures
from edgefuse.fleet.metrics import look
from edgefuse.fleet.page import make_page
from edgefuse.fleet.store import Store
from edgefuse.link.messages import encode
from edgefuse.link.topics import INVENTORY as INVENTORY_TOPIC
from edgefuse.link.topics import STATE as STATE_TOPIC
from edgefuse.link.topics import Address

ROUNDS = 5
T = TypeVar("T")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one fetch, the best of some."""

    devices: int
    samples: int
    page_mb: float
    store_cpu_s: float
    page_cpu_s: float


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/exporter", description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000, help="(default %(default)s)")
    run_bench(parser, _measure, _describe)
    return 0


def _measure(options: argparse.Namespace) -> Cost:
    devices = [f"door-{n}" for n in range(options.devices)]
    register = make_register(*devices)
    with tempfile.TemporaryDirectory() as folder, closing(open_database(f"sqlite:///{Path(folder)}/fleet")) as database:
        now_s = clock.wall_now().timestamp()
        _fill(database, devices, now_s)
        store = Store(database)
        store_cpu_s, records = _time(store.devices)
        page_cpu_s, page = _time(lambda: make_page(look(records, register, now_s), Counts()))
    return Cost(
        devices=len(devices),
        samples=sum(not line.startswith("#") for line in page.splitlines()),
        page_mb=len(page) / 1e6,
        store_cpu_s=store_cpu_s,
        page_cpu_s=page_cpu_s,
    )


def _fill(database: Database, devices: list[str], now_s: float) -> None:
    batch, figures = Batch(), Figures()
    for device in devices:
        for topic, said in ((STATE_TOPIC, STATE), (INVENTORY_TOPIC, INVENTORY)):
            batch.add(Address(device, topic), said, encode(said).decode(), now_s)
        for report in (SYSTEM, PIPELINE):
            figures.add(device, report, encode(report).decode(), now_s)
    with database.writing() as connection:
        batch.write(connection)
        figures.write(connection, now_s, is_last=True)
        connection.execute(insert(CONTROLLERS).values(name="bench", listening_since_s=now_s - 3600, beat_s=now_s))


def _time(work: Callable[[], T]) -> tuple[float, T]:
    """Give processor time of the best round, and its result."""
    best_s = float("inf")
    for _ in range(ROUNDS):
        begin_s = time.process_time()
        result = work()
        best_s = min(best_s, time.process_time() - begin_s)
    return best_s, result


def _describe(cost: Cost) -> str:
    return (
        f"{cost.devices} devices, {cost.samples} samples, {cost.page_mb:.1f} MB: "
        f"{cost.store_cpu_s:.2f} s of processor time for reading the store, {cost.page_cpu_s:.2f} s for the page"
    )


if __name__ == "__main__":
    raise SystemExit(main())
