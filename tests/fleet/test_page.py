"""From a device's own link over a real broker and the store to what Prometheus fetches."""

from __future__ import annotations

import threading
from contextlib import closing
from functools import partial
from pathlib import Path

from fakes.daemon import Daemon
from fleet.conftest import Fleet, linked
from fleet.test_exporter import fetch
from fleet.test_network import wait_for

from edgefuse.fleet.controller import Controller
from edgefuse.fleet.database import open_database
from edgefuse.fleet.exporter import Endpoint, Exporter
from edgefuse.fleet.listening import Listening
from edgefuse.fleet.page import read_page
from edgefuse.fleet.serving import serve
from edgefuse.fleet.session import make_tls
from edgefuse.fleet.site import load_register
from edgefuse.fleet.store import Store


def test_what_a_device_reports_is_on_the_page_of_metrics(fleet: Fleet, daemon: Daemon, tmp_path: Path) -> None:
    stop = threading.Event()
    with closing(open_database(f"sqlite:///{tmp_path}/fleet.sqlite")) as database:
        listening = Listening("c", load_register(fleet.folder).operators_broker, make_tls(fleet.folder))
        controller = Controller(database, listening, "c")
        read = partial(read_page, Store(database), fleet.folder, controller.counts)
        exporter = Exporter(Endpoint("127.0.0.1", 0), read)
        thread = threading.Thread(target=serve, args=([controller, exporter], stop))
        thread.start()
        try:
            wait_for(lambda: "edgefuse_controller_listening 1" in fetch(exporter.port)[2])
            with linked(fleet, "door-3", daemon):
                hottest = 'edgefuse_temperature_celsius{device="door-3",zone="cpu"} 51.5'
                wait_for(lambda: hottest in fetch(exporter.port)[2])
                assert 'edgefuse_presence_info{device="door-3",presence="online"} 1' in fetch(exporter.port)[2]
        finally:
            stop.set()
            thread.join()
