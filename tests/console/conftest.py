"""What tests of the console share: a site, what is known of its devices, a console that shows it, and who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.console import Client, showing
from fakes.records import make_register
from fleet.conftest import daemon, fleet, site, tmp_path

from edgefuse import clock
from edgefuse.console.app import Scene
from edgefuse.console.component import Console
from edgefuse.console.tokens import make_token
from edgefuse.fleet.batch import Batch
from edgefuse.fleet.database import CONTROLLERS, Database, open_database, upsert
from edgefuse.fleet.figures import Figures
from edgefuse.fleet.site import Member, save_register
from edgefuse.link.messages import Message, PipelineReport, SystemReport, encode
from edgefuse.link.topics import STATE, TOPICS, Address

__all__ = ["daemon", "fleet", "site", "tmp_path"]
"""Fixtures of the fleet's tests, which these need too."""

DEVICES = ("door-3", "door-4")


@dataclass(frozen=True, slots=True)
class Place:
    """A site without a broker, and what a controller wrote of its devices."""

    folder: Path
    database: Database

    def enrol(self, *devices: str, **members: Member) -> None:
        """Have these devices in the site, and no others."""
        save_register(self.folder, make_register(*devices, **members))

    def say(self, device: str, *messages: Message) -> None:
        """Have a device say something now."""
        now_s, batch, figures = clock.wall_now().timestamp(), Batch(), Figures()
        for message in messages:
            payload = encode(message).decode()
            if isinstance(message, SystemReport | PipelineReport):
                figures.add(device, message, payload, now_s)
            else:
                topic = next(topic for topic in TOPICS if topic.content is type(message))
                batch.add(Address(device, topic), message, payload, now_s)
        self._write(batch, figures, now_s)

    def forget(self, device: str) -> None:
        """Have the broker forget a device."""
        batch = Batch()
        batch.remove(Address(device, STATE))
        self._write(batch, Figures(), clock.wall_now().timestamp())

    def listen(self, until_s: float) -> None:
        """Have a controller listen from long ago until then."""
        with self.database.writing() as connection:
            row = {"name": "one", "listening_since_s": until_s - 3600, "beat_s": until_s}
            insert = upsert(connection, CONTROLLERS).values(**row)
            connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=row))

    def _write(self, batch: Batch, figures: Figures, now_s: float) -> None:
        with self.database.writing() as connection:
            batch.write(connection)
            figures.write(connection, now_s, is_last=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A site with two devices, of which nothing was heard yet."""
    with closing(open_database(f"sqlite:///{tmp_path}/fleet.sqlite")) as database:
        place = Place(tmp_path, database)
        place.enrol(*DEVICES)
        place.listen(clock.wall_now().timestamp())
        yield place


@pytest.fixture
def console(place: Place) -> Iterator[Console]:
    """A console that shows it."""
    with showing(Scene(place.folder, place.database)) as console:
        yield console


@pytest.fixture
def operator(place: Place, console: Console) -> Client:
    """A program that may do everything."""
    return Client(console, make_token(place.folder, "robot", "operator"))


@pytest.fixture
def viewer(place: Place, console: Console) -> Client:
    """A program that may look."""
    return Client(console, make_token(place.folder, "screen", "viewer"))
