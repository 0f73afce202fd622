"""Adding a board takes one file: the worked example of docs/boards.md, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgefuse import paths
from edgefuse.config.manifest import Licence, Manifest, ModelFile, Source, Variant
from edgefuse.config.profile import choose_profile, load_profiles
from edgefuse.planning.plan import plan
from edgefuse.store.release import Release

GUIDE = paths.profile_dirs()[1].parent / "docs/boards.md"


def make_manifest(task: str, *sizes_px: int) -> Manifest:
    file = ModelFile(name="m.tflite", sha256="0" * 64, size_bytes=1, source=Source(file="/m.tflite"))
    licence = Licence(id="MIT", origin="test", allows_commercial_use=True, allows_redistribution=True)
    variants = tuple(
        Variant(id=f"fp32-{px}", format="tflite", precision="fp32", size_px=px, files=(file,), inputs=(), outputs=())
        for px in sizes_px
    )
    return Manifest(id=task, title=task, task=task, decoder="test", licence=licence, variants=variants)  # type: ignore[arg-type]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write the example into the local folder and give its id."""
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    (text,) = re.findall(r"```yaml\n(id: .*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    folder = tmp_path / "etc/edgefuse/devices.d"
    folder.mkdir(parents=True)
    (folder / "radxa-rock-5b.yaml").write_text(text, encoding="utf-8")
    return "radxa-rock-5b"


def test_the_new_board_is_found_and_matched(example: str) -> None:
    profiles = load_profiles()
    sample = profiles[example].sample
    assert choose_profile(profiles.values(), sample).id == example
    del profiles[example]
    assert choose_profile(profiles.values(), sample).id == "generic-arm64"


def test_the_new_board_is_planned(example: str) -> None:
    profile = load_profiles()[example]
    release = Release(
        id="0", counter=0, manifests=(make_manifest("detect_faces", 128, 192), make_manifest("track_faces", 192))
    )
    made = plan(profile, release, profile.sample)
    assert {(c.task, c.size_px, c.runtime) for c in made.choices} == {
        ("detect_faces", 128, "tflite"),
        ("detect_faces", 192, "tflite"),
        ("track_faces", 192, "tflite"),
    }
