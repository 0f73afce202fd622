"""Memory: what a first start takes; in steady state no large allocation outside codecs, no lost buffer, no growth."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from benching.allocations import measure

from edgefuse.config.profile import find_profile
from edgefuse.vision.fusion.person import person_path


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_first_start_draws_its_donor_within_the_memory_of_the_profile(
    shared_root: Path, root: Path, default_clip: Path, tmp_path: Path
) -> None:
    state, shared = (folder / "var/lib/edgefuse" for folder in (root, shared_root))
    state.mkdir(parents=True)
    (state / "store").symlink_to(shared / "store")
    if (shared / "state.json").exists():
        shutil.copy(shared / "state.json", state)  # what was proven there, need not be here once more
    run = [sys.executable, "-m", "edgefuse", "run", "--effect", "fuse_mesh", "--frames", "2", "--sink", "null"]
    done = subprocess.run(
        [*run, "--source", default_clip, "--report", tmp_path / "report.json"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if "models for it are not here" in done.stderr:
        pytest.skip("nothing here draws people")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert person_path(29).is_relative_to(root) and person_path(29).is_file()
    assert report["rss_mb"]["peak"] <= find_profile(report["plan"]["profile"]).memory_mb


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler to build the tracer with")
@pytest.mark.parametrize("effect", ["fuse_mesh", "anonymise"])
def test_two_thousand_frames_need_no_new_memory(effect: str, default_clip: Path) -> None:
    result = measure(effect, str(default_clip))
    assert result.run.frames_out == 2001
    assert result.faults() == []
