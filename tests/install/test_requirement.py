from pathlib import Path

import msgspec
import pytest
from fakes.planned import make_profile

from edgefuse.config.profile import Profile, RuntimeRule, find_profile
from edgefuse.errors import InstallError
from edgefuse.install import requirement
from edgefuse.install.target import Interpreter

PYTHON = Interpreter("/usr/bin/python3", (3, 10), "aarch64", (2, 35), is_foreign=True)
WHEEL = Path("edgefuse.whl")


@pytest.mark.parametrize(
    ("profile_id", "wanted"),
    [
        ("raspberry-pi-4", ("edgefuse.whl[onnx,tflite]",)),
        ("generic-x86-64", ("edgefuse.whl[onnx,openvino,tflite]",)),
        ("intel-nuc-ncs2", ("edgefuse.whl",)),  # its runtimes are the worker's, under another Python
    ],
)
def test_a_board_gets_the_runtimes_of_its_profile(profile_id: str, wanted: tuple[str, ...]) -> None:
    assert requirement.name_requirements(WHEEL, find_profile(profile_id)) == wanted


def gpu_board() -> Profile:
    rules = (RuntimeRule(id="onnxruntime", target="tensorrt"),)
    return msgspec.structs.replace(make_profile("onnxruntime"), runtimes=rules)


def test_a_board_with_tensorrt_gets_the_runtime_that_can() -> None:
    assert requirement.name_requirements(WHEEL, gpu_board()) == ("edgefuse.whl", "onnxruntime-gpu")


def test_a_jetson_is_not_given_a_runtime_which_only_looks_right(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="in NVIDIA's index only"):
        requirement.check_sources(gpu_board(), PYTHON, wheelhouse=None)
    requirement.check_sources(gpu_board(), PYTHON, wheelhouse=tmp_path)


def test_a_wheelhouse_is_a_choice_of_versions_itself(tmp_path: Path) -> None:
    found = requirement.find_constraints(PYTHON, wheelhouse=None)
    assert found is not None and found.name == "newest-py310.txt"
    assert requirement.find_constraints(PYTHON, wheelhouse=tmp_path) is None
