"""All that Prometheus is told: of the devices by the store, and of a controller by itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from edgefuse import clock
from edgefuse.fleet.controller import Counts
from edgefuse.fleet.exposition import Metric, write_metric
from edgefuse.fleet.metrics import DEVICE_METRICS, Seen, look
from edgefuse.fleet.site import load_register
from edgefuse.fleet.store import Store
from edgefuse.memory import BYTES_PER_MB, resident_mb

_counter = partial(Metric, kind="counter")


def read_page(store: Store, folder: Path, counts: Counts) -> str:
    """Look at all devices now.

    Args:
        store: What controllers heard.
        folder: Of the site, which tells whom to show.
        counts: Of this process's controller.

    Raises:
        DatabaseError: The store cannot be read.
        ConfigError: The site cannot be read.
    """
    devices = look(store.devices(), load_register(folder), clock.wall_now().timestamp())
    return make_page(devices, counts)


def make_page(devices: Iterable[Seen], counts: Counts) -> str:
    """Write what was seen of devices, and how the controller of this process is."""
    seen = list(devices)
    of_devices = [write_metric(metric.metric, metric.samples(seen)) for metric in DEVICE_METRICS]
    return "".join([*of_devices, *(write_metric(metric, [("", value)]) for metric, value in _describe(counts))])


def _describe(counts: Counts) -> Iterator[tuple[Metric, float]]:
    yield _counter("edgefuse_controller_messages_total", "Messages of devices that were taken in."), counts.taken
    yield _counter("edgefuse_controller_safe_messages_total", "Of QoS 1, in the database by now."), counts.committed
    yield _counter("edgefuse_controller_unreadable_messages_total", "That nobody can read."), counts.unreadable
    yield Metric("edgefuse_controller_delay_seconds", "From a message of QoS 1 to the database."), counts.delay_s
    yield Metric("edgefuse_controller_listening", "1 while it hears devices."), int(counts.is_listening)
    yield _counter("edgefuse_controller_cpu_seconds_total", "Of the whole process."), time.process_time()
    yield Metric("edgefuse_controller_memory_bytes", "Resident in the process."), resident_mb() * BYTES_PER_MB
