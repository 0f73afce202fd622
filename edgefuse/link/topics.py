"""The topic table: who says what where, ``ef/v1/d/<device>/<name>[/<id>]``.

The device's id stands in the topic because the broker guards topics by certificate; it is never taken from a payload.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from edgefuse.config.link import DEVICE_ID
from edgefuse.link import messages
from edgefuse.link.envelope import Envelope
from edgefuse.link.messages import Message

PREFIX = "ef/v1/d"

_DEVICE = re.compile(DEVICE_ID)
_TAIL = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table."""

    name: str
    direction: Literal["up", "down"]
    """``up``: only this device may write it. ``down``: only this device may read it."""
    qos: Literal[0, 1]
    is_retained: bool
    content: type[Message] | type[Envelope] | None
    """Nothing for the bytes that installing relays and only its helper process parses."""
    has_tail: bool = False
    """An id follows the name."""


STATE = Topic("up/state", "up", 1, is_retained=True, content=messages.State)
INVENTORY = Topic("up/inventory", "up", 1, is_retained=True, content=messages.Inventory)
SYSTEM = Topic("up/tm/sys", "up", 0, is_retained=False, content=messages.SystemReport)
PIPELINE = Topic("up/tm/pipe", "up", 0, is_retained=False, content=messages.PipelineReport)
EVENT = Topic("up/ev", "up", 1, is_retained=False, content=messages.Event)
DEPLOYMENT = Topic("up/deployment", "up", 1, is_retained=True, content=messages.Deployment)
REPLY = Topic("up/reply", "up", 1, is_retained=False, content=messages.Reply, has_tail=True)
CHUNK_REQUEST = Topic("up/repo/req", "up", 0, is_retained=False, content=None)
BLOB = Topic("up/blob", "up", 1, is_retained=False, content=messages.BlobChunk, has_tail=True)
CHUNK = Topic("dn/repo", "down", 0, is_retained=False, content=None, has_tail=True)
DESIRED = Topic("dn/desired", "down", 1, is_retained=True, content=messages.Desired)
COMMAND = Topic("dn/cmd", "down", 1, is_retained=False, content=Envelope)

TOPICS = (
    STATE,
    INVENTORY,
    SYSTEM,
    PIPELINE,
    EVENT,
    DEPLOYMENT,
    REPLY,
    CHUNK_REQUEST,
    BLOB,
    CHUNK,
    DESIRED,
    COMMAND,
)

_BY_NAME = {topic.name: topic for topic in TOPICS}


@dataclass(frozen=True, slots=True)
class Address:
    """A topic of one device."""

    device: str
    topic: Topic
    tail: str = ""


def make_topic(device: str, topic: Topic, tail: str = "") -> str:
    """Write a topic.

    Raises:
        ValueError: The device's id or the tail would not survive in a topic, or the topic has no tail or needs one.
    """
    if not _DEVICE.match(device):
        raise ValueError(f"'{device}' is no device id")
    if topic.has_tail != bool(tail) or (tail and not _TAIL.match(tail)):
        raise ValueError(f"'{tail}' cannot follow {topic.name}")
    return "/".join([PREFIX, device, topic.name, *([tail] if tail else [])])


def parse_topic(text: str) -> Address:
    """Read a topic.

    Raises:
        ValueError: It is none of the table.
    """
    device, _, rest = text.removeprefix(PREFIX + "/").partition("/")
    if not text.startswith(PREFIX + "/") or not _DEVICE.match(device):
        raise ValueError(f"'{text}' is no topic of a device")
    if (topic := _BY_NAME.get(rest)) and not topic.has_tail:
        return Address(device, topic)
    name, _, tail = rest.rpartition("/")
    if (topic := _BY_NAME.get(name)) and topic.has_tail and _TAIL.match(tail):
        return Address(device, topic, tail)
    raise ValueError(f"'{text}' is in no row of the topic table")
