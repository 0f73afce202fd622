from pathlib import Path

import msgspec
import pytest
from fakes.control import make_history, make_status, replace_beat

from edgefuse.cli._chart import ASCII, BLOCKS, Glyphs
from edgefuse.cli._frame import KEYS, render
from edgefuse.cli._line import encode, plain
from edgefuse.cli._view import View, press
from edgefuse.supervisor.control import Status

GOLDEN = Path(__file__).parent / "golden"


pytestmark = pytest.mark.usefixtures("utc")


def texts(view: View, width: int = 80, height: int = 24, glyphs: Glyphs = BLOCKS) -> list[str]:
    return [plain(line) for line in render(view, width, height, glyphs)]


def show(status: Status) -> str:
    return "\n".join(texts(View(status, 0.0).with_status(status, 0.0)))


@pytest.mark.parametrize(
    ("width", "height", "glyphs"),
    [(80, 24, BLOCKS), (80, 24, ASCII), (132, 43, BLOCKS)],
    ids=["80x24", "80x24-ascii", "132x43"],
)
def test_the_frame_is_the_golden_one(width: int, height: int, glyphs: Glyphs, request: pytest.FixtureRequest) -> None:
    drawn = "".join(f"{text.rstrip()}\n" for text in texts(make_history(), width, height, glyphs))
    path = GOLDEN / f"top-{request.node.callspec.id}.txt"
    assert drawn == path.read_text(encoding="utf-8"), f"if it was meant: look at the new frame and write it to {path}"


@pytest.mark.parametrize("width", [1, 20, 40, 75, 76, 80, 200])
@pytest.mark.parametrize("height", [1, 2, 8, 12, 24, 25, 60])
@pytest.mark.parametrize("view", [make_history(), press(make_history(), "?")[0]], ids=["frame", "help"])
def test_a_frame_fills_any_terminal_and_never_more(view: View, width: int, height: int) -> None:
    drawn = texts(view, width, height)
    assert len(drawn) == height
    assert max(map(len, drawn)) <= width
    assert drawn[-1][: width - 1] == KEYS[: width - 1]


def test_without_colours_nothing_but_text_is_sent_and_nothing_is_lost() -> None:
    for line in render(make_history(), 80, 24, BLOCKS):
        assert "\x1b" not in encode(line, is_coloured=False)
        assert encode(line, is_coloured=False) == plain(line)


def test_a_silent_supervisor_is_told_with_the_time_and_the_last_state_stays() -> None:
    view = make_history(20).with_trouble("cannot ask the supervisor: none runs at /run/edgefuse/control.sock", 31.0)
    drawn = texts(view)
    assert drawn[1] == "12 s without an answer: cannot ask the supervisor: none runs at /run/edgefuse/c…"
    assert drawn[2].startswith("heat   cpu-thermal 64.3 C")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (make_status(heartbeat=None), "rate   no frames: the worker is RUNNING"),
        (replace_beat(make_status(), source="waiting"), "the source is not there; waiting for it"),
        (replace_beat(make_status(), source="paused"), "paused: edgefuse set resume"),
        (replace_beat(make_status(), failures=7), "frames 7 failed, "),
        (make_status(heat=msgspec.structs.replace(make_status().heat, is_throttled=True)), "THROTTLED"),
        (make_status(heat=msgspec.structs.replace(make_status().heat, temps_c={})), "heat   no sensor"),
        (make_status(settings={}, ladder=(), events=(), plan=None), "point  none"),
    ],
    ids=["no worker", "waiting", "paused", "failures", "throttled", "no sensor", "bare"],
)
def test_what_is_wrong_stands_in_the_frame(status: Status, text: str) -> None:
    assert text in show(status)


def test_the_point_in_force_is_marked_on_the_ladder() -> None:
    marked = [text for text in show(make_status()).splitlines() if "▸" in text]
    assert [text.partition("▸")[2].split()[:2] for text in marked] == [["2", "15"]]


def test_names_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in show(make_status(board="\x1b]0;owned\x07"))


def test_a_board_without_sensors_leaves_its_lines_to_the_rate() -> None:
    status = make_status(heat=msgspec.structs.replace(make_status().heat, temps_c={}))
    drawn = show(status).splitlines()
    assert drawn[3].startswith("rate ") and drawn[9].startswith("frames ")
