import msgspec
import pytest
from fakes.planned import make_host, make_profile

from edgefuse.config.host import Host, RuntimeFact, ZoneFact
from edgefuse.config.profile import Match, Profile
from edgefuse.planning.diagnosis import Findings, Problem, diagnose

WELL = msgspec.structs.replace(
    make_host("tflite", "onnxruntime", "openvino"),
    board="A board",
    cameras=("/dev/video0 (camera)",),
    zones=(ZoneFact(name="cpu-thermal", temp_c=40.0),),
)


def profile(**keys: object) -> Profile:
    made = make_profile("tflite", **keys)
    return msgspec.structs.replace(made, match=Match(board=("A board",)), zones=("cpu-*",))


def problems(host: Host = WELL, **found: object) -> tuple[Problem, ...]:
    return diagnose(Findings(host=host, **{"profile": profile(), **found}))


def changed(**facts: object) -> Host:
    return msgspec.structs.replace(WELL, **facts)


def runtimes(*facts: RuntimeFact) -> Host:
    return changed(runtimes=facts)


MISSING = RuntimeFact(id="openvino", is_usable=False, reason="runtime is not installed (pip install openvino)")
OLD_NUMPY = RuntimeFact(
    id="tflite",
    is_usable=False,
    reason="cannot load tflite-runtime: it does not work with numpy 2.1 (pip install 'numpy<2')",
)


def test_nothing_is_wrong_with_a_unit_that_has_everything() -> None:
    assert problems() == ()


@pytest.mark.parametrize(
    ("host", "text", "remedy"),
    [
        (runtimes(*WELL.runtimes[:1], MISSING), "openvino: runtime is not installed", "pip install openvino"),
        (runtimes(*WELL.runtimes[1:], OLD_NUMPY), "does not work with numpy 2.1", "pip install 'numpy<2'"),
        (changed(gpus=("nvidia",)), "NVIDIA GPU is not used", "pip install onnxruntime-gpu"),
        (changed(gpus=("nvidia",), tegra_release="# R36"), "NVIDIA GPU is not used", "NVIDIA's Jetson wheels"),
        (changed(gpus=("intel",)), "Intel GPU is not used", "intel-opencl-icd"),
        (changed(usb=("03e7:2485",)), "Neural Compute Stick is not used", "OpenVINO 2022.3"),
        (changed(memory_mb=900), "there are 900 MB of memory", "memory_mb"),
        (changed(memory_limit_mb=300), "the control group allows 300 MB", "MemoryMax=1000M"),
        (changed(cameras=()), "there is no camera", "/dev/video*"),
        (changed(zones=()), "no temperature can be read", "modprobe coretemp"),
        (changed(zones=(), arch="aarch64"), "no temperature can be read", "/sys/class/thermal"),
        (changed(zones=(ZoneFact(name="cpu-thermal"),)), "no temperature can be read", "coretemp"),
        (changed(zones=(ZoneFact(name="acpitz", temp_c=30.0),)), "none of the profile's temperature", "of your own"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_what_mends_it_and_does_not_block(host: Host, text: str, remedy: str) -> None:
    (problem,) = problems(host)
    assert text in problem.text
    assert remedy in problem.remedy
    assert not problem.is_blocking


def test_a_unit_without_any_runtime_is_blocked() -> None:
    assert [(p.remedy, p.is_blocking) for p in problems(runtimes(MISSING))] == [("pip install openvino", True)]


def test_a_target_that_does_not_work_is_told_beside_those_that_do() -> None:
    fact = RuntimeFact(
        id="onnxruntime", targets=("cpu",), formats=("onnx",), reason="cuda: did not start (install cuDNN)"
    )
    (problem,) = problems(runtimes(fact))
    assert problem.text == "onnxruntime works on cpu only; cuda: did not start"
    assert problem.remedy == "install cuDNN"


def test_a_reason_without_a_command_still_gets_advice() -> None:
    crashed = RuntimeFact(id="openvino", is_usable=False, reason="cannot probe openvino: it crashed with SIGILL")
    (problem,) = problems(runtimes(*WELL.runtimes[:1], crashed))
    assert problem.text == "openvino: cannot probe openvino: it crashed with SIGILL"
    assert problem.remedy


def test_a_unit_without_a_plan_is_blocked_and_that_comes_first() -> None:
    first, second = problems(changed(cameras=()), plan_failure="cannot run model 'x' on 'board':")
    assert (first.text, first.is_blocking) == ("cannot run model 'x' on 'board':", True)
    assert not second.is_blocking


def test_models_that_are_not_here_yet_are_told_with_the_command_that_fetches_them() -> None:
    (problem,) = problems(missing_models=("yunet", "facemesh"))
    assert problem.remedy == "edgefuse models fetch yunet facemesh"


def test_a_camera_that_this_user_may_not_open_is_a_matter_of_groups() -> None:
    (problem,) = problems(changed(cameras=()), locked_cameras=("/dev/video0",))
    assert "usermod -aG video" in problem.remedy


def test_a_board_that_only_the_generic_profile_matches_is_told() -> None:
    generic = msgspec.structs.replace(profile(id="generic-x86-64"), match=Match(arch=("x86_64",)))
    (problem,) = problems(profile=generic)
    assert problem.text == "no profile knows this A board; it runs as 'generic-x86-64'"


def test_a_board_that_no_profile_matches_is_blocked() -> None:
    (problem,) = [p for p in problems(profile=None) if p.is_blocking]
    assert problem.text == "no profile matches this A board"
