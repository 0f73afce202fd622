"""Whatever stands in a device's topics, the controller goes on and the database takes what can be read."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import msgspec
from fakes.broker import serving
from fakes.controlling import INFLIGHT, Place, wait_for
from fakes.sayings import DEPLOYMENT, EVENT, INVENTORY, ONLINE, PIPELINE, SYSTEM

from edgefuse.link.messages import encode

GENUINE = {
    "state": ONLINE,
    "inventory": INVENTORY,
    "deployment": DEPLOYMENT,
    "ev": EVENT,
    "tm/sys": SYSTEM,
    "tm/pipe": PIPELINE,
    "reply/x": EVENT,
    "what": EVENT,
}
PIECES = (
    b"1e999",
    b"-9223372036854775809",
    b"null",
    b'"\\u0000"',
    b'"\\ud800"',
    b"[[[[",
    b"{}",
    b'""',
    b"\xff",
    b"true",
)
MESSAGES = 3000


def spoil(payload: bytes, random: random.Random) -> bytes:
    """Give a message with something wrong in it, or by chance with nothing."""
    choice = random.randrange(5)
    at = random.randrange(len(payload))
    if choice == 0:
        return random.randbytes(random.randrange(200))
    if choice == 1:
        return payload[:at]
    if choice == 2:
        return payload[:at] + bytes([random.randrange(256)]) + payload[at + 1 :]
    fields = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    fields[random.choice(list(fields))] = msgspec.Raw(b"0")
    text = msgspec.json.encode(fields)
    return text.replace(b":0", b":" + random.choice(PIECES), 1)


def test_controller_survives_whatever_devices_write(tmp_path: Path, database_url: str) -> None:
    chance = random.Random(4)
    with serving(tmp_path / "broker", INFLIGHT) as broker, closing(Place(broker, database_url)) as place:
        with place.controlling() as controller:
            for number in range(MESSAGES):
                name = chance.choice(list(GENUINE))
                payload = spoil(encode(GENUINE[name]), chance)
                place.sender.throw(f"ef/v1/d/d{number % 50}/up/{name}", payload, is_retained=number % 3 == 0)
            place.sender.say(ONLINE, SYSTEM, EVENT, device="last")
            wait_for(lambda: (record := place.store.device("last")) and record.system and place.numbers("last"))
            assert controller.counts.unreadable > MESSAGES / 10
        assert len(place.store.devices()) > 1
        assert place.store.events(limit=MESSAGES)
