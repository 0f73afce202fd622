"""OpenVINO 2022.3, the last for the NCS2, in an interpreter of its own: it agrees with every runtime of today.

Its environment is made below ``.cache/`` from pinned wheels, which exist for no Python newer than 3.10.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from converting import crops, environment, old_openvino, session

from edgefuse.store.release import Release
from edgefuse.store.store import Store

TOLERANCE = 1e-3  # of an output's range, what the runtimes may differ by (bf16 instead of f32 gives 1e-2)
COUNT = 24


def pythons() -> Iterator[Path]:
    """List places of Python 3.10; on the PATH may lie a shim of pyenv that refuses to run it."""
    if found := shutil.which("python3.10"):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob("versions/3.10.*/bin/python3.10"), reverse=True)


@pytest.fixture(scope="module")
def old_python() -> Path:
    """The interpreter that has OpenVINO 2022.3."""
    for python in pythons():
        if subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            return environment.make(environment.OPENVINO_2022, python)
    pytest.skip("no Python 3.10 here, and OpenVINO 2022.3 has no wheels for a newer one")


def test_the_old_interpreter_really_has_openvino_2022(old_python: Path) -> None:
    """On one processor old and new give the same bits, so a comparison with itself would not be noticed."""
    question = "from openvino.runtime import get_version; print(get_version())"
    answer = subprocess.run([old_python, "-I", "-c", question], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("2022.3.")


@pytest.mark.parametrize(
    ("model", "size_px", "sides"),
    [
        ("blazeface-short", 128, crops.FULL_FRAME),
        ("blazeface-full", 192, crops.FULL_FRAME),
        ("facemesh", 192, crops.LANDMARKS),
    ],
)
@pytest.mark.usefixtures("converted")
def test_all_runtimes_agree_on_a_real_face(  # noqa: PLR0917 -- what pytest gives has no order
    model: str,
    size_px: int,
    sides: tuple[float, float],
    old_python: Path,
    store: Store,
    release: Release,
    astronaut: Path,
) -> None:
    pictures = crops.make_crops(astronaut, size_px, sides)[:COUNT]
    variants = {form: release.find(model, f"fp32-{size_px}-{form}") for form in ("tflite", "onnx")}
    paths = {form: store.path_of(variant.files) for form, variant in variants.items()}
    old = old_openvino.run_crops(old_python, paths["onnx"], variants["onnx"], pictures)
    for runtime, form in (("tflite", "tflite"), ("onnxruntime", "onnx"), ("openvino", "tflite"), ("openvino", "onnx")):
        new = session.run_crops(runtime, paths[form], variants[form], pictures)
        for ours, theirs in zip(new, old, strict=True):
            span = np.ptp(theirs)
            assert span > 0 and np.abs(ours - theirs).max() <= TOLERANCE * span, (runtime, form)
