"""Messages are what PROTOCOL says: v first, no NaN, unknown keys ignored, unknown versions refused."""

import json
import math

import msgspec
import pytest
from fakes.sayings import DEPLOYMENT

from edgefuse.link import topics
from edgefuse.link.messages import Deployment, Event, Message, State, SystemReport, decode, encode

EVENT = Event(t="2026-11-20T10:00:00Z", stream="s", n=1, level="info", kind="started", text="…")
MESSAGES = [topic.content for topic in topics.TOPICS if topic.content and issubclass(topic.content, Message)]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_version_comes_first(message: type[Message]) -> None:
    assert message.__struct_encode_fields__[0] == "v"


def test_reader_ignores_keys_that_it_does_not_know() -> None:
    assert decode(encode(EVENT)[:-1] + b',"mood":"good"}', Event) == EVENT


def test_reader_refuses_a_version_that_it_does_not_know() -> None:
    with pytest.raises(ValueError, match=r"2.*\$\.v"):
        decode(encode(EVENT).replace(b'"v":1', b'"v":2'), Event)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_no_number_is_written_that_json_has_not(number: float) -> None:
    report = {"t": "", "n": 1, "band": "cool", "is_throttled": False, "mem_mb": 1.0, "disk_free_mb": 1.0}
    with pytest.raises(ValueError, match="temp_c holds"):
        SystemReport(temp_c={"cpu": number}, **report)
    with pytest.raises(ValueError, match="power_w holds"):
        SystemReport(temp_c={}, power_w=number, **report)


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b'{"v":1}', b"\xff", b'{"x":' + b"[" * 100_000, b"{" * 9])
def test_what_is_no_message_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError):
        decode(payload, State)


@pytest.mark.parametrize(
    ("key", "said"),
    [("seq", 1 << 64), ("done_bytes", -1), ("total_bytes", 10**400), ("state", "FETCH\x1b[2J"), ("state", "")],
)
def test_a_deployment_of_which_readers_could_make_nothing_is_refused(key: str, said: object) -> None:
    told = {**msgspec.to_builtins(DEPLOYMENT), key: said}
    with pytest.raises(ValueError, match=rf"\$\.{key}"):
        decode(json.dumps(told).encode(), Deployment)


def test_units_are_in_the_names_on_the_wire() -> None:
    assert {"temp_c", "throttled", "power_w", "mem_mb", "disk_free_mb"} < set(SystemReport.__struct_encode_fields__)
    assert msgspec.json.decode(encode(EVENT))["t"].endswith("Z")
