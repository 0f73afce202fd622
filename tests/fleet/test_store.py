"""What is written to the store is what is read from it, in SQLite and in PostgreSQL."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from fakes.sayings import DEPLOYMENT, EVENT, INVENTORY, ONLINE, PIPELINE, SYSTEM
from sqlalchemy import insert, update

from edgefuse.errors import ConfigError
from edgefuse.fleet import database as tables
from edgefuse.fleet.batch import Batch
from edgefuse.fleet.database import Database, DatabaseError, open_database
from edgefuse.fleet.figures import Figures
from edgefuse.fleet.leases import LEASE_S, give_back_leases, take_lease
from edgefuse.fleet.retention import EVENTS_KEPT_S, forget_old_events, forget_surplus_events
from edgefuse.fleet.store import DeviceRecord, Store
from edgefuse.link import topics
from edgefuse.link.messages import Message, PipelineReport, SystemReport, encode
from edgefuse.link.topics import Address

TOPICS = {type(ONLINE): topics.STATE, type(INVENTORY): topics.INVENTORY, type(EVENT): topics.EVENT}


def say(database: Database, *messages: Message, device: str = "a", at_s: float = 100.0) -> None:
    """Write what a device said, as the controller does it."""
    batch, figures = Batch(), Figures()
    for message in messages:
        payload = encode(message).decode()
        if isinstance(message, SystemReport | PipelineReport):
            figures.add(device, message, payload, at_s)
        else:
            batch.add(Address(device, TOPICS.get(type(message), topics.DEPLOYMENT)), message, payload, at_s)
    with database.writing() as connection:
        batch.write(connection)
        figures.write(connection, at_s, is_last=True)


def listen(database: Database, since_s: float, until_s: float, name: str = "c") -> None:
    """Note that a controller listened."""
    with database.writing() as connection:
        row = {"name": name, "listening_since_s": since_s, "beat_s": until_s}
        connection.execute(insert(tables.CONTROLLERS).values(row))


def look(database: Database, device: str = "a") -> DeviceRecord:
    """Give what the store has of a device."""
    record = Store(database).device(device)
    assert record is not None
    return record


def test_everything_that_a_device_said_is_found(database: Database) -> None:
    say(database, ONLINE, INVENTORY, DEPLOYMENT, SYSTEM, PIPELINE)
    assert Store(database).devices() == [
        DeviceRecord("a", "online", 100.0, ONLINE, INVENTORY, DEPLOYMENT, SYSTEM, PIPELINE, 100.0)
    ]


def test_device_that_nobody_heard_of_is_not_there(database: Database) -> None:
    assert Store(database).device("a") is None


def test_presence_lasts_since_it_changed(database: Database) -> None:
    offline = msgspec.structs.replace(ONLINE, presence="offline")
    since = []
    for at_s, state in ((100.0, ONLINE), (110.0, ONLINE), (120.0, offline), (130.0, offline), (140.0, ONLINE)):
        say(database, state, at_s=at_s)
        since.append(look(database).since_s)
    assert since == [100.0, 100.0, 120.0, 120.0, 140.0]


def test_device_that_does_not_report_is_silent_by_the_clock_of_who_listens(database: Database) -> None:
    say(database, ONLINE, SYSTEM)
    listen(database, since_s=50.0, until_s=130.0)
    assert look(database).presence == "online"
    say(database, ONLINE, device="b", at_s=90.0)
    assert look(database, "b").presence == "silent"


def test_silence_proves_nothing_while_nobody_listens(database: Database) -> None:
    say(database, ONLINE, SYSTEM)
    listen(database, since_s=9000.0, until_s=9010.0)
    assert look(database).presence == "online"


def test_controller_that_died_long_ago_did_not_listen_meanwhile(database: Database) -> None:
    say(database, ONLINE, SYSTEM)
    listen(database, since_s=50.0, until_s=100.0, name="dead")
    listen(database, since_s=9000.0, until_s=9010.0)
    assert look(database).presence == "online"


def test_pipeline_that_no_longer_reports_is_not_shown(database: Database) -> None:
    say(database, ONLINE, SYSTEM, PIPELINE)
    say(database, msgspec.structs.replace(SYSTEM, n=3))
    assert (look(database).pipeline, look(database).system.n) == (None, 3)  # type: ignore[union-attr]


def test_older_deployment_never_replaces_a_newer_one(database: Database) -> None:
    say(database, DEPLOYMENT)
    say(database, msgspec.structs.replace(DEPLOYMENT, seq=6, state="FETCH"))
    assert look(database).deployment == DEPLOYMENT
    newer = msgspec.structs.replace(DEPLOYMENT, seq=8)
    say(database, newer, msgspec.structs.replace(DEPLOYMENT, seq=3))
    assert look(database).deployment == newer


def test_device_whose_state_was_taken_away_is_forgotten_and_its_events_are_not(database: Database) -> None:
    say(database, ONLINE, INVENTORY, EVENT, SYSTEM)
    batch = Batch()
    batch.remove(Address("a", topics.INVENTORY))
    batch.remove(Address("a", topics.STATE))
    with database.writing() as connection:
        batch.write(connection)
    assert Store(database).devices() == []
    assert len(Store(database).events("a")) == 1


def test_event_that_comes_again_is_kept_once(database: Database) -> None:
    say(database, EVENT)
    say(database, EVENT, msgspec.structs.replace(EVENT, n=2), EVENT)
    say(database, EVENT, device="b")
    assert [(r.device, r.event.n) for r in Store(database).events()] == [("a", 1), ("a", 2), ("b", 1)]


def test_events_come_page_by_page_in_the_order_of_arrival(database: Database) -> None:
    for n in range(5):
        say(database, msgspec.structs.replace(EVENT, n=n), device="ab"[n % 2])
    store = Store(database)
    first = store.events(limit=3)
    assert [r.event.n for r in first + store.events(after=first[-1].id)] == [0, 1, 2, 3, 4]
    assert [r.event.n for r in store.last_events("a", limit=2)] == [4, 2]


def test_event_that_no_database_can_hold_is_refused() -> None:
    for changes in ({"n": 1 << 63}, {"n": -1}, {"stream": "a\0b"}, {"stream": "x" * 65}):
        with pytest.raises(ValueError, match=r"n is|stream"):
            Batch().add(Address("a", topics.EVENT), msgspec.structs.replace(EVENT, **changes), "", 0.0)


def test_text_of_any_kind_is_kept(database: Database) -> None:
    event = msgspec.structs.replace(EVENT, text="NUL \0, emoji \U0001f600, quotes '\" and %s :x")
    say(database, event)
    assert [record.event for record in Store(database).events()] == [event]


def test_old_events_are_forgotten(database: Database) -> None:
    for n in range(3):
        say(database, msgspec.structs.replace(EVENT, n=n), at_s=n * 1000.0)
    with database.writing() as connection:
        assert not forget_old_events(connection, EVENTS_KEPT_S + 1500.0)
    assert [record.event.n for record in Store(database).events()] == [2]


def test_device_with_too_many_events_loses_its_oldest(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgefuse.fleet.retention.EVENTS_KEPT", 3)
    say(database, EVENT, device="b")
    say(database, *(msgspec.structs.replace(EVENT, n=n) for n in range(5)))
    with database.writing() as connection:
        forget_surplus_events(connection, 0.0)
    assert [record.event.n for record in Store(database).events("a")] == [2, 3, 4]
    assert len(Store(database).events("b")) == 1


def test_duty_has_one_holder_until_it_is_given_back(database: Database) -> None:
    with database.writing() as connection:
        assert take_lease(connection, "history", "one")
        assert not take_lease(connection, "history", "two")
        assert take_lease(connection, "history", "one")
        give_back_leases(connection, "one")
        assert take_lease(connection, "history", "two")


def test_duty_of_who_fell_silent_is_taken_over(database: Database) -> None:
    with database.writing() as connection:
        take_lease(connection, "history", "one")
        connection.execute(update(tables.LEASES).values(until_s=tables.LEASES.c.until_s - LEASE_S))
        assert take_lease(connection, "history", "two")


def test_nothing_is_written_where_something_went_wrong(database: Database) -> None:
    def fail() -> None:
        with database.writing() as connection:
            connection.execute(insert(tables.MARKS).values(name="x", t_s=1))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.reading() as connection:
        assert not connection.execute(tables.MARKS.select().where(tables.MARKS.c.name == "x")).all()


def test_database_can_be_made_by_several_at_once(database_url: str) -> None:
    with ThreadPoolExecutor() as pool:
        opened = list(pool.map(open_database, [database_url] * 4))
    for database in opened:
        database.close()


def test_database_of_a_newer_edgefuse_is_refused(database: Database, database_url: str) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE schema SET version = 2")
    with pytest.raises(DatabaseError, match="update edgefuse"):
        open_database(database_url)


def test_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("my notes, which are longer than the header of a database " * 20)
    with pytest.raises(DatabaseError, match=r"cannot write database sqlite.*: file is not a database"):
        open_database(f"sqlite:///{path}")
    assert path.read_text().startswith("my notes")


def test_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/x")) as database:
        say(database, ONLINE)
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:////nowhere/x"])
def test_file_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"it names no file|No such file or directory; its folder must be there"):
        open_database(url)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no disk of its own can be mounted here; root can")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk_is_told_and_nothing_of_a_transaction_stays(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with closing(open_database(f"sqlite:///{small_disk}/x")) as database:
        say(database, msgspec.structs.replace(EVENT, n=0))
        ballast.write_bytes(bytes(1 << 20))
        with pytest.raises(DatabaseError, match=r"cannot write database .*: database or disk is full"):
            say(database, *[msgspec.structs.replace(EVENT, n=n, text="x" * 1000) for n in range(1, 2000)])
        assert [record.event.n for record in Store(database).events()] == [0]
        ballast.unlink()
        say(database, msgspec.structs.replace(EVENT, n=1))
        assert [record.event.n for record in Store(database).events()] == [0, 1]


def test_writer_that_is_kept_out_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgefuse.fleet.database.BUSY_S", 0.05)
    url = f"sqlite:///{tmp_path}/x"
    with closing(open_database(url)) as database, closing(sqlite3.connect(tmp_path / "x")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match="database is locked"):
            say(database, ONLINE)
        other.rollback()
        say(database, ONLINE)


@pytest.mark.parametrize("url", ["fleet.sqlite", "mysql://host/name", "postgresql://me:secret@host/name"])
def test_address_that_is_none_or_tells_a_secret_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        open_database(url)
    assert "secret" not in str(refusal.value)
