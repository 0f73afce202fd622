"""The topic table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefuse.link.topics import PREFIX, TOPICS, Address, Topic, make_topic, parse_topic


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_reads_as_it_was_written(topic: Topic) -> None:
    tail = "c1" if topic.has_tail else ""
    assert parse_topic(make_topic("pi-5", topic, tail)) == Address("pi-5", topic, tail)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_direction_is_what_the_broker_guards(topic: Topic) -> None:
    assert topic.name.startswith({"up": "up/", "down": "dn/"}[topic.direction])


@pytest.mark.parametrize("device", ["", "a/b", "+", "#", "Pi", "-a", "a-", "a" * 64, "a\n", "é"])
def test_device_ids_that_would_not_survive_are_refused(device: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        make_topic(device, TOPICS[0])
    with pytest.raises(ValueError):
        parse_topic(f"{PREFIX}/{device}/up/state")


@pytest.mark.parametrize("rest", ["up", "up/reply", "up/reply/", "up/reply/a/b", "up/reply/+", "up/state/x", "dn/cmd/"])
def test_topics_outside_the_table_are_refused(rest: str) -> None:
    with pytest.raises(ValueError, match="no row"):
        parse_topic(f"{PREFIX}/dev1/{rest}")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        address = parse_topic(f"{PREFIX}/{text}")
    except ValueError:
        return
    assert make_topic(address.device, address.topic, address.tail) == f"{PREFIX}/{text}"
