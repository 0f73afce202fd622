"""Tests of ``bench --compare`` as far as it goes in the package; ``tests/tools/test_compare.py`` has the rest."""

import argparse
from pathlib import Path

import pytest

from edgefuse.__main__ import main
from edgefuse.cli._compare import compare
from edgefuse.errors import ConfigError


def test_without_a_checkout_it_says_that_the_tools_are_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the package comes without the tools"):
        compare(argparse.Namespace(compare="mediapipe", plot=None), tools=tmp_path)


def test_a_plot_of_a_comparison_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--compare", "mediapipe", "--plot", "x.png"]) == 2
    assert "a comparison has no plot" in capsys.readouterr().err


def test_options_reach_the_tools(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--compare", "mediapipe", "--source", "x.mp4", "--point", "99"]) == 2
    assert "cannot compare at point 99" in capfd.readouterr().err
