"""Why a device is as it is, from whatever is known of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from fakes.control import make_status
from fakes.sayings import DEPLOYMENT, ONLINE, SYSTEM

from edgefuse import clock
from edgefuse.cli._fleet_reasons import Known, explain
from edgefuse.cli._sheet import lay_out
from edgefuse.config.host import Host
from edgefuse.fleet.roster import View, make_row
from edgefuse.link.inventory import make_inventory
from edgefuse.supervisor.control import Event, Setting, Status

CHECKOUT = Path(__file__).parents[2]
STATE = msgspec.structs.replace(ONLINE, t="2026-11-20T09:00:00Z", since="2026-11-20T09:00:00Z")
REPORT = msgspec.structs.replace(SYSTEM, t="2026-11-20T11:00:00Z", temp_c={"cpu": 51.5}, band="cool")


pytestmark = pytest.mark.usefixtures("utc")


def explain_status(status: Status) -> dict[str, list[str]]:
    """Give the sentences of a device that answered."""
    return {topic: list(texts) for topic, texts in explain(know(status=status))}


def know(view: View | None = None, status: Status | None = None, silence: str = "") -> Known:
    """Give what is known three seconds after the start."""
    now_ns = 3 * clock.NS_PER_S
    view = view or View("door-3", 0, state=STATE)
    return Known(view, make_row(view, now_ns), now_ns, status, silence)


def test_the_page_shows_what_the_command_prints() -> None:
    status = make_status()
    assert status.plan is not None
    host = Host(arch="aarch64", cores=4, memory_mb=8000, memory_limit_mb=None, runtimes=())
    two = (status.plan.choices[0], status.plan.choices_for("fuse_neural")[0])
    plan = msgspec.structs.replace(status.plan, choices=two)
    view = View("door-3", 0, state=STATE, inventory=make_inventory("", host, status.board, (), plan))
    shown = lay_out(explain(know(view, status)))
    assert max(map(len, shown.splitlines())) <= 80
    assert shown in (CHECKOUT / "docs/fleet.md").read_text(encoding="utf-8"), f"copy into docs/fleet.md:\n{shown}"


def test_what_won_is_told_with_who_decided_it() -> None:
    pinned = Setting("1", "pin", since="2026-11-20T10:00:00Z")
    told = explain_status(make_status(settings={"point": pinned, "effect": Setting("anonymise", "default")}))
    assert told["point"][0] == "1, because an operator pinned it on 11-20 10:00:00"
    assert told["effect"] == ["anonymise, because nobody chose another"]


def test_events_that_need_attention_are_told_or_that_there_are_none() -> None:
    lost = Event(at="2026-11-20T08:51:40Z", level="warning", kind="source_lost", text="no such device")
    back = msgspec.structs.replace(lost, level="info", kind="source_back")
    fatal = msgspec.structs.replace(lost, level="error", kind="gone_back")
    events = (lost, back, fatal)
    assert [text.split()[2] for text in explain_status(make_status(events=events))["events"]] == ["warning", "error"]
    assert "none of the newest 0" in explain_status(make_status(events=()))["events"][0]


def test_device_that_does_not_answer_is_told_of_by_its_last_reports() -> None:
    view = View("door-3", 0, reported_ns=0, state=STATE, system=REPORT)
    told = {topic: list(texts) for topic, texts in explain(know(view, silence="no answer within 5 s"))}
    assert "(no answer within 5 s)" in told["answer"][0]
    assert told["presence"][1] == "its last report came 3 s ago"
    assert told["heat"][0].startswith("cool: cpu 51.5 C")
    assert "events" not in told


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (View("a", 0, is_revoked=True, state=STATE), "revoked"),
        (View("a", 0), "never heard of it"),
        (View("a", 0, state=msgspec.structs.replace(STATE, presence="offline")), "it took leave"),
        (View("a", 0, state=msgspec.structs.replace(STATE, presence="offline", since="")), "lost it without a word"),
        (View("a", 0, state=STATE), "online since 11-20 09:00:00 over MQTT 5, reporting every 10 s (normal)"),
    ],
    ids=["revoked", "unseen", "left", "lost", "online"],
)
def test_presence_is_told_with_its_reason(view: View, words: str) -> None:
    (_, texts), *_ = explain(know(view, silence="it is not connected"))
    assert words in next(iter(texts))


def test_what_a_device_says_cannot_steer_the_terminal_nor_stop_the_command() -> None:
    state = msgspec.structs.replace(STATE, since="\x1b[2J", mode="\x1b[2J", service="\x1b[2J", release="\n")
    assert "\x1b" not in lay_out(explain(know(View("a", 0, state=state), silence="\x1b[2J")))


def test_newest_deployment_is_told_with_its_reason() -> None:
    def tell(**said: object) -> str:
        deployment = msgspec.structs.replace(DEPLOYMENT, **said)
        *_, told = dict(explain(know(View("a", 0, state=STATE, deployment=deployment), silence="why")))["release"]
        return told

    under_way = tell(state="FETCH", done_bytes=1, total_bytes=2)
    assert under_way == "deployment d1 of release 1 is under way: FETCH 50% at 11-20 12:00:00"
    ended = tell(state="ROLLED_BACK", reason="slow", ended_at="2026-11-20T13:00:00Z")
    assert ended == "deployment d1 of release 1 ended: ROLLED_BACK at 11-20 13:00:00: slow"
