"""Commands that a device must not take, over a real broker with the configuration that ``fleet init`` wrote."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest
from fakes.certified import CertifiedClient
from fakes.daemon import Daemon
from fakes.operator_station import Signer, in_seconds
from fleet.conftest import Fleet, linked

from edgefuse.fleet.site import load_register, load_signing_key
from edgefuse.link.audit import read_chain
from edgefuse.link.commands import Pause, Resume
from edgefuse.link.envelope import MAX_ENVELOPE_BYTES, Envelope
from edgefuse.link.ledger import Refused
from edgefuse.link.messages import Reply, decode, encode
from edgefuse.link.topics import COMMAND, REPLY, make_topic
from edgefuse.trusted_time import TrustedTime

DEVICE = "door-3"


class Site(Signer):
    """Signs as the site does, and hears what comes of it."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__()
        self.key_id = load_register(fleet.folder).key_id
        self.key = load_signing_key(fleet.folder, self.key_id)
        self.client: CertifiedClient = fleet.operate()
        self._audit = fleet.folder.with_name(f"{DEVICE}-state") / "audit"

    def send(self, payload: bytes) -> None:
        """Send to the device whatever it is."""
        self.client.publish(make_topic(DEVICE, COMMAND), payload)

    def reply(self, id: str) -> Reply:
        """Wait for a reply."""
        topic = make_topic(DEVICE, REPLY, id)
        self.client.wait(lambda: topic in [of for of, _ in self.client.messages])
        return decode(next(payload for of, payload in self.client.messages if of == topic), Reply)

    def replied(self) -> set[str]:
        """Give the ids that were replied to."""
        return {topic.rpartition("/")[2] for topic, _ in self.client.messages if "/up/reply/" in topic}

    def faults(self) -> list[str]:
        """Give what the device has recorded as refused."""
        records = [whole.line.record for whole, _ in read_chain(self._audit)]
        return [record.fault for record in records if isinstance(record, Refused)]


def change(sealed: bytes, **changes: object) -> bytes:
    """Give an envelope that is not what was signed."""
    return encode(msgspec.structs.replace(decode(sealed, Envelope), **changes))


def test_what_must_not_be_taken_is_refused_and_recorded(fleet: Fleet, daemon: Daemon) -> None:
    with linked(fleet, DEVICE, daemon):
        site = Site(fleet)
        first = site.seal("pause", DEVICE, id="first")
        site.send(first)
        assert site.reply("first").outcome == "done"
        site.send(Signer(7).seal("resume", DEVICE, id="stranger"))
        site.send(change(first, payload=decode(site.seal("resume", DEVICE, id="forged"), Envelope).payload))
        site.send(change(site.seal("resume", DEVICE, id="unsigned"), signatures=()))
        site.send(b"x" * (MAX_ENVELOPE_BYTES + 1))
        site.send(b"junk")
        site.send(site.seal("resume", "door-4", id="elsewhere"))
        site.send(site.seal("resume", DEVICE, id="late", expires_at=in_seconds(-5)))
        site.send(site.seal("resume", DEVICE, id="replayed", seq=1))
        site.send(first)
        site.send(site.seal("resume", DEVICE, id="last"))
        assert site.reply("last").outcome == "done"
    assert daemon.performed == [Pause(), Resume()]
    assert site.faults() == [
        "unknown_key", "bad_signature", "unsigned", "oversized", "malformed", "wrong_device", "expired", "replayed",
    ]  # fmt: skip
    assert site.replied() == {"first", "elsewhere", "late", "replayed", "last"}
    assert "not above 1" in site.reply("replayed").reason


def test_board_whose_clock_says_1970_refuses_and_says_so(fleet: Fleet, daemon: Daemon) -> None:
    with linked(fleet, DEVICE, daemon, TrustedTime(wall=lambda: datetime(1970, 1, 1, tzinfo=timezone.utc))):
        site = Site(fleet)
        site.send(site.seal("pause", DEVICE, id="one"))
        reply = site.reply("one")
    assert (reply.outcome, reply.reason) == ("refused", "the clock of this device is not set: it says 1970-01-01")
    assert site.faults() == ["no_clock"]
    assert not daemon.performed


@pytest.mark.parametrize("size_bytes", [128 << 10, 1 << 20])
def test_what_the_broker_does_not_pass_never_reaches_the_device(fleet: Fleet, daemon: Daemon, size_bytes: int) -> None:
    with linked(fleet, DEVICE, daemon):
        site = Site(fleet)
        site.send(bytes(size_bytes))
        site.client.wait(lambda: site.client.is_over)
        site = Site(fleet)
        site.send(site.seal("pause", DEVICE, id="one"))
        assert site.reply("one").outcome == "done"
    assert not site.faults()
