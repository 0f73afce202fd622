"""What a report of a deployment means to whoever looks at a fleet."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest
from fakes.sayings import DEPLOYMENT

from edgefuse.fleet.deployments import is_of_note, show_progress
from edgefuse.link.messages import Deployment

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
TODAY, YESTERDAY = "2026-11-20T11:00:00Z", "2026-11-19T11:00:00Z"


def say(state: str, **said: object) -> Deployment:
    """Give such a report."""
    return msgspec.structs.replace(DEPLOYMENT, state=state, **said)


@pytest.mark.parametrize(
    ("deployment", "is_so"),
    [
        (say("FETCH"), True),
        (say("CLEANUP"), True),
        (say("COMMITTED", ended_at=TODAY), False),
        (say("CANCELLED", ended_at=TODAY), False),
        (say("ROLLED_BACK", ended_at=TODAY), True),
        (say("FAILED", ended_at=YESTERDAY), False),
        (say("REJECTED", ended_at="some time"), True),
        (say("REJECTED"), True),
        (say("FAILED", ended_at="1970-01-01T00:10:00Z"), True),
        (say("FAILED", ended_at="2099-01-01T00:00:00Z"), True),
    ],
)
def test_what_is_under_way_or_failed_lately_is_of_note(deployment: Deployment, *, is_so: bool) -> None:
    assert is_of_note(deployment, NOW) is is_so


def test_share_is_told_where_bytes_are_counted() -> None:
    assert show_progress(say("FETCH", done_bytes=1, total_bytes=3)) == "FETCH 33%"
    assert show_progress(say("TRIAL")) == "TRIAL"
    assert show_progress(say("COMMITTED", done_bytes=1, total_bytes=3)) == "COMMITTED"
