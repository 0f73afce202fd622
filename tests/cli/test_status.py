import json
import resource
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from fakes.control import FakeSupervisor, make_status, replace_beat

from edgefuse.__main__ import main
from edgefuse.cli._words import show_event
from edgefuse.cli.status import describe, is_well
from edgefuse.supervisor.control import Event, Heat, Setting, Status

CHECKOUT = Path(__file__).parents[2]
WAITING = replace_beat(make_status(), source="waiting")


def change_service(**changes: object) -> Status:
    status = make_status()
    return msgspec.structs.replace(status, service=msgspec.structs.replace(status.service, **changes))


def test_the_page_shows_what_the_command_prints(supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    page = (CHECKOUT / "docs/control.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out in page, "copy the new output into docs/control.md"


@pytest.mark.parametrize(
    "status",
    [
        make_status(),
        WAITING,
        change_service(state="FATAL", reason="worker died of SIGSEGV 5 times, and no other choice is left", pid=None),
        make_status(heartbeat=None, plan=None, events=(), settings={}, ladder=()),
        make_status(settings={"source": Setting("rtsp://camera.example/" + "a" * 40, "site")}),
    ],
    ids=["running", "waiting", "fatal", "starting", "long address"],
)
def test_the_text_fits_80_columns(status: Status) -> None:
    assert max(map(len, describe(status).splitlines())) <= 80


@pytest.mark.parametrize(
    ("status", "is_fine"),
    [
        (make_status(), True),
        (replace_beat(make_status(), source="paused"), True),
        (WAITING, False),
        (change_service(state="BACKOFF"), False),
        (change_service(state="STARTING"), False),
        (change_service(is_flapping=True), False),
    ],
    ids=["flowing", "paused", "waiting", "back-off", "starting", "flapping"],
)
def test_a_service_is_well_when_it_does_what_it_was_asked_to(status: Status, is_fine: bool) -> None:
    assert is_well(status) is is_fine


def test_a_service_that_is_not_well_ends_with_code_1_and_says_why(
    supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.status = change_service(
        state="BACKOFF", reason="worker 4121 died of SIGSEGV", since_s=2.0, retry_in_s=6.4, pid=None, restarts=4
    )
    assert main(["status"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "service   BACKOFF for 2 s, next try in 6 s: worker 4121 died of SIGSEGV"
    assert lines[1] == "          no process, 4 restarts"


def test_without_a_supervisor_the_code_is_2_and_the_text_says_what_to_do(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("edgefuse: cannot ask the supervisor: none runs at ")
    assert "systemctl start edgefuse" in said


def test_json_is_the_status_itself(supervisor: FakeSupervisor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 0
    printed = capsys.readouterr().out
    assert msgspec.json.decode(printed, type=Status) == supervisor.status
    assert json.loads(printed)["settings"]["effect"]["origin"] == "site"


def test_each_setting_tells_what_decided_it() -> None:
    pinned = Setting("fuse_mesh", "pin", since="2026-11-20T10:00:00Z")
    text = describe(make_status(settings={"effect": pinned, "sink": Setting("mjpeg:8080", "release")}))
    assert "effect    fuse_mesh (pinned since " in text
    assert "sink      mjpeg:8080 (release)" in text


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (make_status(), "all that point 2 allows"),
        (replace_beat(make_status(), fps=10.0, fps_in=10.0), "all that the source gives"),
        (
            replace_beat(make_status(), fps=244.0, fps_in=244.0, frame_ms=4.1),
            "bounded by anonymise: its thread takes 4",
        ),
        (replace_beat(make_status(), fps=9.0, frame_ms=110.2), "bounded by anonymise: its thread takes 110 ms a frame"),
        (WAITING, "the source is not there; waiting for it"),
        (make_status(heartbeat=None), "no frames: the worker is RUNNING"),
    ],
    ids=["point", "source", "stage of a file", "stage", "waiting", "no worker"],
)
def test_the_rate_is_explained(status: Status, reason: str) -> None:
    assert reason in " ".join(describe(status).split())


def test_zones_come_by_their_distance_to_the_trip_and_old_readings_are_marked() -> None:
    heat = Heat(temps_c={"a": 90.0, "b": 70.0, "c": 86.0}, trips_c={"b": 75.0, "c": 85.0}, stale=("a",))
    lines = [line.strip() for line in describe(make_status(heat=heat)).splitlines()]
    start = lines.index("c 86.0 C, 1.0 ABOVE its trip at 85")
    assert lines[start + 1 : start + 3] == [
        "b 70.0 C, 5.0 below its trip at 75",
        "a 90.0 C, an old reading: the sensor is silent",
    ]


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    event = Event(at="2026-11-20T09:00:00Z", level="info", kind="source_lost", text="camera \x1b[2J went away")
    assert "camera ?[2J went away" in describe(make_status(events=(event,)))


def test_mistakes_of_several_lines_stay_apart_on_one() -> None:
    text = "edgefuse.yaml:1:1: missing `sink`\nedgefuse.yaml:2:1: unknown key `sinc`"
    event = Event(at="2026-11-20T09:00:00Z", level="error", kind="configuration_refused", text=text)
    assert "missing `sink`; edgefuse.yaml:2:1: unknown key" in show_event(event)


def test_it_loads_no_pixels_and_answers_at_once(supervisor: FakeSupervisor) -> None:
    code = (
        "import sys\n"
        "from edgefuse.__main__ import main\n"
        "assert main(['status']) == 0\n"
        "assert not {'numpy', 'cv2', 'av', 'tqdm', 'asyncio'} & set(sys.modules)\n"
    )

    def run_cpu_s(*command: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, cwd=CHECKOUT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # 150 ms are promised where Python itself takes 13; other machines differ, so the ratio of processor times counts.
    assert min(run_cpu_s("-c", code) / run_cpu_s("-c", "pass") for _ in range(5)) < 150 / 13


def test_a_unit_without_sensors_is_not_said_to_be_cool_alone() -> None:
    text = describe(msgspec.structs.replace(make_status(), heat=Heat(temps_c={})))
    assert "heat      no sensor; cool" in text


def test_a_unit_whose_configuration_was_never_read_has_no_empty_words() -> None:
    text = describe(msgspec.structs.replace(make_status(), board="", profile="", release=""))
    assert "profile ," not in text
