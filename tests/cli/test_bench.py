import json
import sys
from pathlib import Path

import cv2
import pytest

from edgefuse.__main__ import main

FEW = ["--source", "pattern:320x240,frames=40", "--effect", "none"]


@pytest.fixture(scope="module")
def _filled(store: object) -> None:
    """Fill the store first."""


@pytest.mark.usefixtures("_filled")
def test_json_tells_times_shares_inference_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *FEW, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["run"]["frames_out"] == 40
    detect = report["run"]["stages"]["detect_faces"]
    assert 0 < detect["p50_ms"] <= detect["p95_ms"] <= detect["p99_ms"]
    assert 0 < detect["share"] <= 1
    # Nobody is in the pattern: the detector looks at every frame, the landmark model at none.
    assert [i["task"] for i in report["inference"]] == ["detect_faces"]
    assert report["inference"][0]["runs_per_frame"] == 1
    assert report["overhead"]["detect_faces"] > 1
    assert report["cpu_ms_per_frame"] > 0
    assert report["run"]["rss_mb"]["start"] <= report["run"]["rss_mb"]["peak"]


@pytest.mark.usefixtures("_filled")
def test_table_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "bench.png"
    assert main(["bench", *FEW, "--plot", str(plot)]) == 0
    out = capsys.readouterr().out
    assert "detect_faces" in out
    assert "p99 ms" in out
    picture = cv2.imread(str(plot))
    assert picture is not None
    assert picture.shape[1] >= 1000
    assert picture.std() > 10


def test_without_matplotlib_it_tells_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["bench", *FEW, "--plot", str(tmp_path / "bench.png")]) == 2
    assert "matplotlib is not installed (pip install 'edgefuse[plot]')" in capsys.readouterr().err


def test_plot_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *FEW, "--plot", str(tmp_path / "no-folder/bench.png")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_no_point_of_that_number_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *FEW, "--point", "99"]) == 2
    assert "cannot run at point 99" in capsys.readouterr().err
