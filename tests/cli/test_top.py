"""``edgefuse top`` as a user has it: the real command in a terminal of its own, over a real socket."""

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fakes.command import run
from fakes.control import FakeSupervisor, make_status, replace_beat
from screenshot.terminal import Terminal

from edgefuse.cli._chart import ASCII, BLOCKS
from edgefuse.cli._frame import KEYS
from edgefuse.cli._screen import has_colours, pick_glyphs
from edgefuse.supervisor.control import SetPaused, SetPin

CHECKOUT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "edgefuse", "top")
ENVIRON = {"PYTHONPATH": str(CHECKOUT), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": ""}


def start(*command: str, **environ: str) -> Terminal:
    return Terminal(command or COMMAND, 80, 24, {**ENVIRON, **environ})


@pytest.fixture
def top(supervisor: FakeSupervisor) -> Iterator[Terminal]:
    """The command after its first frame."""
    with start() as terminal:
        terminal.wait_until(lambda cells: KEYS in cells.text)
        yield terminal


def test_q_leaves_and_gives_the_terminal_back(top: Terminal) -> None:
    assert not top.is_restored
    top.type("q")
    assert top.finish() == 0
    assert top.is_restored


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_kill_give_the_terminal_back_too(top: Terminal, signum: signal.Signals) -> None:
    top.signal(signum)
    assert top.finish() == 130
    assert top.is_restored
    assert "Traceback" not in top.cells.text


def test_ctrl_z_gives_the_terminal_back_until_fg(supervisor: FakeSupervisor) -> None:
    script = f"{shlex.join(COMMAND)}; echo stopped; read line; fg; echo ended"
    with start("sh", "-m", "-c", script) as shell:
        shell.wait_until(lambda cells: KEYS in cells.text)
        shell.type("\x1a")
        shell.wait_until(lambda cells: "stopped" in cells.text and not cells.is_other_screen)
        assert not shell.cells.is_cursor_hidden
        shell.type("\n")
        shell.wait_until(lambda cells: cells.is_other_screen and KEYS in cells.text)
        shell.type("q")
        shell.wait_until(lambda cells: "ended" in cells.text)
        assert shell.is_restored


def test_keys_steer_the_service_and_the_screen_says_what_came_of_it(top: Terminal, supervisor: FakeSupervisor) -> None:
    top.type("-")
    top.wait_until(lambda cells: "point 3 is pinned, over restarts too" in cells.text)
    top.wait_until(lambda cells: "point  3 (pinned since 11-20 11:00:00)" in cells.text)
    top.type("e")
    top.wait_until(lambda cells: "3 none (shows faces)" in cells.text)
    top.type("1")
    top.wait_until(lambda cells: "fuse_mesh (pinned since" in cells.text)
    top.type("p")
    top.wait_until(lambda cells: "paused: edgefuse set resume" in cells.text)
    assert supervisor.requests == [
        SetPin(setting="point", value="3"),
        SetPin(setting="effect", value="fuse_mesh"),
        SetPaused(is_paused=True),
    ]


def test_a_refusal_is_told(top: Terminal, supervisor: FakeSupervisor) -> None:
    supervisor.refusal = "cannot pin point 1: the worker does not run"
    top.type("+")
    top.wait_until(lambda cells: supervisor.refusal in cells.text)


def test_a_function_key_is_not_taken_for_letters(top: Terminal, supervisor: FakeSupervisor) -> None:
    top.type("\x1b[15~")
    top.type("?")
    top.wait_until(lambda cells: "this page, and back" in cells.text)
    assert supervisor.requests == []


@pytest.mark.parametrize(("width", "height"), [(60, 12), (132, 40)])
def test_another_size_is_drawn_anew(top: Terminal, width: int, height: int) -> None:
    top.resize(width, height)
    top.wait_until(lambda cells: cells.text.splitlines()[-1].startswith(KEYS[:50]))
    assert top.cells.text.startswith("edgefuse ")


def test_what_changes_is_seen_within_seconds(top: Terminal, supervisor: FakeSupervisor) -> None:
    supervisor.status = replace_beat(make_status(), fps=7.3, frame_ms=137.0)
    top.wait_until(lambda cells: "rate   7.3 fps out of 29.9 fps in: bounded by anonymise" in cells.text)


def test_a_supervisor_that_restarts_is_waited_for(short_root: Path) -> None:
    supervisor = FakeSupervisor(make_status())
    with ExitStack() as stack:
        with supervisor.listen():
            top = stack.enter_context(start())
            top.wait_until(lambda cells: KEYS in cells.text)
        top.wait_until(lambda cells: "without an answer: cannot ask the supervisor: none runs" in cells.text)
        assert "heat   cpu-thermal 71.2 C" in top.cells.text
        with supervisor.listen():
            top.wait_until(lambda cells: "without an answer: " not in cells.text)


def test_once_prints_a_frame_for_scripts(supervisor: FakeSupervisor, tmp_path: Path) -> None:
    code, out, err = run("top", "--once", folder=tmp_path, LC_ALL="C.UTF-8", TERM="dumb", COLUMNS="80", LINES="24")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 23 and "\x1b" not in out
    assert lines[2] == "heat   cpu-thermal 71.2 C, 3.8 below its trip at 75; warm, not throttled, 6.4 W"


def test_without_a_terminal_the_text_says_what_works(supervisor: FakeSupervisor, tmp_path: Path) -> None:
    code, _, err = run("top", folder=tmp_path, TERM="xterm")
    assert code == 2
    assert err == (
        "edgefuse: cannot draw here: this is no terminal with a cursor; edgefuse top --once prints one frame\n"
    )


def test_without_a_supervisor_nothing_is_drawn(root: Path, tmp_path: Path) -> None:
    code, out, err = run("top", "--once", folder=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("edgefuse: cannot ask the supervisor: none runs at ")


@pytest.mark.parametrize(
    ("environ", "glyphs"),
    [
        ({"LANG": "de_AT.UTF-8", "TERM": "xterm"}, BLOCKS),
        ({"LC_ALL": "C", "LANG": "de_AT.UTF-8"}, ASCII),
        ({"TERM": "xterm"}, ASCII),
        ({"LANG": "C.utf8", "TERM": "linux"}, ASCII),
    ],
    ids=["utf-8", "C wins", "unknown", "kernel console"],
)
def test_blocks_are_drawn_where_the_terminal_shows_them(environ: dict[str, str], glyphs: object) -> None:
    assert pick_glyphs(environ) is glyphs


@pytest.mark.parametrize(
    ("environ", "is_coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({}, False)],
)
def test_colours_can_be_declined(environ: dict[str, str], is_coloured: bool) -> None:
    assert has_colours(environ) is is_coloured


def test_without_colours_nothing_is_coloured(supervisor: FakeSupervisor) -> None:
    with start(NO_COLOR="1") as top:
        top.wait_until(lambda cells: KEYS in cells.text)
        assert {colours for row in top.cells.rows for _, colours in row} == {""}
