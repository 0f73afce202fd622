"""Devices as text and as lines of a screen."""

from __future__ import annotations

import msgspec
from fakes.sayings import DEPLOYMENT

from edgefuse.cli._fleet_table import KEYS, make_table, render
from edgefuse.cli._line import plain
from edgefuse.fleet.roster import Row

HOT = Row(
    device="a", presence="online", report_age_s=1.0, temp_c=81.25, fps=29.96, point=3, band="hot", release="0",
    service="RUNNING", profile="raspberry-pi-5",
)  # fmt: skip
BARE = Row(device="b", presence="online", report_age_s=1.0, band="cool")
UNSEEN = Row(device="c", presence="unseen")


def test_table_tells_no_sensor_from_no_report() -> None:
    header, *lines = make_table([HOT, BARE, UNSEEN], is_wide=False).splitlines()
    assert header.split() == ["NAME", "PRESENCE", "TEMP_C", "FPS", "POINT", "BAND", "RELEASE", "SERVICE"]
    assert lines[0].split() == ["a", "online", "81.2", "30.0", "3", "hot", "0", "RUNNING"]
    assert lines[1].split()[:5] == ["b", "online", "no", "sensor", "-"]
    assert lines[2].split() == ["c", "unseen", *"------"]


def test_updates_have_a_column_only_where_one_is_of_note() -> None:
    old = msgspec.structs.replace(DEPLOYMENT, state="COMMITTED")
    assert "UPDATE" not in make_table([HOT, msgspec.structs.replace(BARE, deployment=old)], is_wide=True)
    new = msgspec.structs.replace(DEPLOYMENT, state="FETCH", done_bytes=1, total_bytes=2)
    header, *lines = make_table([HOT, msgspec.structs.replace(BARE, deployment=new)], is_wide=False).splitlines()
    assert [line[header.index("UPDATE") :] for line in lines] == ["-", "1 FETCH 50%"]


def test_wide_table_has_more_columns() -> None:
    assert "raspberry-pi-5" in make_table([HOT], is_wide=True)
    assert "raspberry-pi-5" not in make_table([HOT], is_wide=False)


def test_what_a_device_says_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in make_table([Row(device="a", presence="online", release="\x1b[2J\n")], is_wide=False)


def test_screen_is_filled_and_sums_up_all_devices() -> None:
    rows = [Row(device=f"d{i:04}", presence="online") for i in range(4998)] + [HOT, UNSEEN]
    lines = render(rows, 80, 24, first=22, message="")
    assert [len(plain(of)) for of in lines] == [80] * 24
    assert plain(lines[1]).startswith("d0022 ")
    assert plain(lines[22]).startswith("d0043 ")
    assert plain(lines[23]).startswith(f"4999 online, 1 unseen   {KEYS}")


def test_trouble_stands_out_and_a_message_is_told() -> None:
    lines = render([HOT, Row(device="d", presence="silent")], 80, 5, first=0, message="broker lost")
    assert [of[0][1] for of in lines[:3]] == ["bold", "warn", "bad"]
    assert plain(lines[4]).startswith("broker lost")


def test_empty_fleet_says_so() -> None:
    assert "no device is enrolled" in plain(render([], 80, 24, 0, "")[-1])
