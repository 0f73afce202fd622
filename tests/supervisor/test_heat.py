"""From sensors to the point."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from fakes.beats import beat

from edgefuse.config.profile import find_profile
from edgefuse.supervisor.heat import HeatWatch
from edgefuse.supervisor.journal import Journal

NOTHING = msgspec.Raw(b"null")


class Board:
    """A board with one sensor that does what a test wants."""

    def __init__(self, root: Path, learned: msgspec.Raw = NOTHING) -> None:
        self.folder = root / "sys/class/thermal/thermal_zone0"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "type").write_text("x86_pkg_temp\n")
        self.journal = Journal()
        self.heat = HeatWatch(find_profile("generic-x86-64"), learned, root, self.journal)
        self.now_s = 1000.0
        self.frames = 0

    def live(self, temp_c: float, seconds: float, pin: int | None = None) -> None:
        """Let time pass at a temperature."""
        (self.folder / "temp").write_text(f"{round(1000 * temp_c)}\n")
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += 2
            self.frames += 60
            self.heat.step(self.now_s, beat(frames_out=self.frames, point=self.heat.point), pin)

    def kinds(self) -> list[str]:
        """Give the kinds of events."""
        return [event.kind for event in self.journal.newest()]


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def test_a_cool_board_runs_at_its_best_point(board: Board) -> None:
    board.live(45, 120)
    told = board.heat.describe()
    assert (board.heat.point, told.band, told.temps_c, told.trips_c) == (
        0,
        "cool",
        {"x86_pkg_temp": 45},
        {"x86_pkg_temp": 82},
    )
    assert told.margin_c == 37


def test_a_board_at_its_trip_takes_the_coolest_point_whatever_is_pinned(board: Board) -> None:
    board.live(60, 20, pin=0)
    board.live(90, 60, pin=0)
    assert (board.heat.point, board.heat.is_at_floor) == (4, True)
    assert "too_hot" in board.kinds() and board.heat.reason


def test_a_sensor_that_vanishes_for_good_is_told_and_leads_to_the_coolest_point(board: Board) -> None:
    board.live(45, 60)
    board.live(-256, 60)
    assert board.heat.point == 4 and "zone_lost" in board.kinds()
    assert board.heat.describe().stale == ("x86_pkg_temp",)


def test_absurd_readings_for_a_moment_change_nothing(board: Board) -> None:
    board.live(45, 60)
    for temp_c in (-256, 200):
        board.live(temp_c, 4)
    assert (board.heat.point, board.heat.describe().temps_c) == (0, {"x86_pkg_temp": 45})


def test_a_board_that_is_slowed_down_again_and_again_says_so_once(board: Board, tmp_path: Path) -> None:
    counts = tmp_path / "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"
    counts.parent.mkdir(parents=True)
    for count in (0, 3, 8, 8, 9, 30):
        counts.write_text(f"{count}\n")
        board.live(70, 2)
    assert board.kinds().count("throttled") == 1
    board.live(70, 90)
    counts.write_text("31\n")
    board.live(70, 2)
    assert board.kinds().count("throttled") == 2


def test_what_was_learned_is_gone_on_with(board: Board, tmp_path: Path) -> None:
    board.live(60, 300)
    learned = board.heat.learned()
    assert msgspec.json.decode(Board(tmp_path, learned).heat.learned())["model"] is not None


@pytest.mark.parametrize("learned", [b"{}", b'{"model": 3}', b"[]"])
def test_another_versions_knowledge_is_learned_again(tmp_path: Path, learned: bytes) -> None:
    board = Board(tmp_path, msgspec.Raw(learned))
    board.live(45, 20)
    assert board.heat.point == 0
