"""What can be checked of a request before anything is opened."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any  # of a stage's options

import cv2
import msgspec
import numpy as np
import pytest
from fakes.planned import make_host, make_profile, make_release

from edgefuse.errors import ConfigError, SinkError
from edgefuse.store.board_settings import BoardSettings
from edgefuse.vision.pipeline import Settings
from edgefuse.worker.request import RunRequest, check_request

PROFILE = make_profile("fake", sample=make_host("fake"))
RELEASE = make_release()


def make_request(source: str = "pattern", sink: str = "out.mp4", point: int = 0) -> RunRequest:
    return RunRequest(source, sink, "anonymise", {}, point)


def options_with(below: Settings, settings: Settings) -> dict[str, Any]:
    """Give the options of the stages under a release's settings and a unit's own."""
    release = msgspec.structs.replace(RELEASE, settings=below)
    request = replace(make_request(), settings=settings, settings_origin="site: settings.")
    return dict(check_request(request, PROFILE, release).options)


def test_tasks_are_those_of_the_effects_stages() -> None:
    assert check_request(make_request(), PROFILE, RELEASE).tasks == {"detect_faces", "track_faces"}


@pytest.mark.parametrize(("parse_every", "kept"), [(30, {"parse_faces"}), (None, set())])
def test_a_model_that_the_ladder_asks_for_stays_open(parse_every: int | None, kept: set[str]) -> None:
    (point,) = PROFILE.ladder
    profile = msgspec.structs.replace(PROFILE, ladder=(msgspec.structs.replace(point, parse_every=parse_every),))
    job = check_request(replace(make_request(), effect="fuse_mesh"), profile, RELEASE)
    assert job.lasting_tasks == kept <= job.preparing_tasks


@pytest.mark.parametrize("point", [-1, 1])
def test_point_must_be_on_the_ladder(point: int) -> None:
    with pytest.raises(ConfigError, match=f"^cannot run at point {point}: 'board' has points 0 to 0$"):
        check_request(make_request(point=point), PROFILE, RELEASE)


def test_point_may_be_one_that_the_release_brings() -> None:
    points = BoardSettings(ladder=PROFILE.ladder * 2)
    release = msgspec.structs.replace(RELEASE, boards={PROFILE.id: points})
    assert check_request(make_request(point=1), PROFILE, release).request.point == 1


@pytest.mark.parametrize(("source", "sink", "missing"), [("", "out.mp4", "source"), ("in.mp4", "", "sink")])
def test_address_must_not_be_empty(source: str, sink: str, missing: str) -> None:
    with pytest.raises(ConfigError, match=f"^cannot run: the {missing} is empty"):
        check_request(make_request(source, sink), PROFILE, RELEASE)


def test_source_is_never_overwritten_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "link.mp4").symlink_to("clip.mp4")
    with pytest.raises(SinkError, match="it is the source; name another"):
        check_request(make_request(f"file:{tmp_path}/link.mp4", f"{tmp_path}/clip.mp4"), PROFILE, RELEASE)


def test_another_file_beside_the_source_may_be_written(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, 64, 3), np.uint8))
    assert check_request(make_request(f"{tmp_path}/a.png", f"{tmp_path}/b.png"), PROFILE, RELEASE)


def test_source_that_can_be_read_only_once_is_not_read_by_the_check(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert check_request(make_request(f"{tmp_path}/pipe.mp4"), PROFILE, RELEASE)


def test_faces_are_drawn_last() -> None:
    job = check_request(replace(make_request(), effect="fuse_mesh", is_drawn=True), PROFILE, RELEASE)
    assert list(job.options)[-3:] == ["fuse_mesh", "mark", "draw_faces"]


def test_a_releases_settings_win_over_defaults_and_lose_against_the_units_own() -> None:
    below = {"anonymise": {"method": "blur", "hold_s": "3"}, "track_faces": {"max_faces": "9"}}
    options = options_with(below, {"anonymise": {"hold_s": "5"}})
    assert (options["anonymise"].method, options["anonymise"].hold_s) == ("blur", 5.0)
    assert options["track_faces"].max_faces == 9


def test_a_releases_settings_bring_the_stages_that_they_ask_for() -> None:
    assert "embed_faces" in options_with({"anonymise": {"method": "mesh"}}, {})
    assert "embed_faces" not in options_with({"anonymise": {"method": "mesh"}}, {"anonymise": {"method": "blur"}})


def test_a_releases_settings_of_other_effects_do_not_matter_and_a_units_own_are_a_mistake() -> None:
    other: Settings = {"fuse_mesh": {"face": "/nowhere.png"}}
    assert "fuse_mesh" not in options_with(other, {})
    with pytest.raises(ConfigError, match=r"^site: settings\.fuse_mesh: it does not run here"):
        options_with({}, other)


@pytest.mark.parametrize("stage", ["anonymise", "track_faces"])
def test_what_is_wrong_is_told_with_where_it_stands(stage: str) -> None:
    wrong, right = {stage: {"nothing": "1"}}, {"track_faces": {"max_faces": "2"}}
    with pytest.raises(ConfigError, match=rf"^release 7: settings\.{stage}\.nothing: unknown key"):
        options_with(wrong, right)
    with pytest.raises(ConfigError, match=rf"^site: settings\.{stage}\.nothing: unknown key"):
        options_with(right, wrong)
