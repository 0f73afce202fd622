"""What is new in the store since the last look, on either database."""

from __future__ import annotations

import msgspec
from fakes.records import DEPLOYMENT, INVENTORY, PIPELINE, STATE, SYSTEM
from sqlalchemy import insert

from edgefuse.fleet.batch import Batch
from edgefuse.fleet.database import CONTROLLERS, Database
from edgefuse.fleet.figures import Figures
from edgefuse.fleet.latest import MAX_NAMES, Lookout
from edgefuse.link.messages import Message, PipelineReport, SystemReport, encode
from edgefuse.link.topics import STATE as STATE_TOPIC
from edgefuse.link.topics import TOPICS, Address

NOW_S = 1_795_176_005.0


def say(database: Database, device: str, *messages: Message, now_s: float = NOW_S) -> None:
    """Write what a device says as a controller does."""
    batch, figures = Batch(), Figures()
    for message in messages:
        payload = encode(message).decode()
        if isinstance(message, SystemReport | PipelineReport):
            figures.add(device, message, payload, now_s)
        else:
            topic = next(topic for topic in TOPICS if topic.content is type(message))
            batch.add(Address(device, topic), message, payload, now_s)
    with database.writing() as connection:
        batch.write(connection)
        figures.write(connection, now_s, is_last=True)


def test_only_what_is_new_is_told(database: Database) -> None:
    lookout = Lookout(database)
    assert lookout.look() == set()
    say(database, "a", STATE, INVENTORY, SYSTEM, PIPELINE)
    say(database, "b", STATE)
    assert lookout.look() == {"a", "b"}
    assert lookout.look() == set()
    latest = lookout.latest["a"]
    assert (latest.state, latest.system, latest.pipeline) == (STATE, SYSTEM, PIPELINE)
    assert (latest.board.profile, latest.reported_s, latest.since_s) == (INVENTORY.profile, NOW_S, NOW_S)
    say(database, "a", msgspec.structs.replace(SYSTEM, n=2), now_s=NOW_S + 10)
    assert lookout.look() == {"a"}
    assert lookout.latest["a"].board.profile == INVENTORY.profile


def test_bytes_that_come_are_news(database: Database) -> None:
    lookout = Lookout(database)
    say(database, "a", STATE, DEPLOYMENT)
    lookout.look()
    say(database, "a", msgspec.structs.replace(DEPLOYMENT, done_bytes=7))
    assert lookout.look() == {"a"}
    assert lookout.latest["a"].deployment == msgspec.structs.replace(DEPLOYMENT, done_bytes=7)


def test_what_the_broker_forgot_is_told_once(database: Database) -> None:
    lookout, batch = Lookout(database), Batch()
    say(database, "a", STATE)
    lookout.look()
    batch.remove(Address("a", STATE_TOPIC))
    with database.writing() as connection:
        batch.write(connection)
    assert lookout.look() == {"a"}
    assert (lookout.look(), lookout.latest) == (set(), {})
    assert lookout.judge("a") == "unseen"


def test_silence_is_told_from_when_controllers_listened(database: Database) -> None:
    lookout = Lookout(database)
    say(database, "a", STATE, SYSTEM)
    lookout.look()
    assert lookout.judge("a") == "online"  # nobody listens
    with database.writing() as connection:
        row = {"name": "one", "listening_since_s": NOW_S - 60, "beat_s": NOW_S + 60}
        connection.execute(insert(CONTROLLERS).values(**row))
    assert lookout.look() == set()
    assert lookout.judge("a") == "silent"


def test_a_whole_fleet_may_be_new_at_once(database: Database) -> None:
    lookout, names = Lookout(database), {f"d{n}" for n in range(2 * MAX_NAMES + 1)}
    batch = Batch()
    for name in sorted(names):
        batch.add(Address(name, STATE_TOPIC), STATE, encode(STATE).decode(), NOW_S)
    with database.writing() as connection:
        batch.write(connection)
    assert lookout.look() == names
