"""What is wrong with a unit, in words that a person understands, each with the command that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec

from edgefuse.config.host import Host
from edgefuse.config.profile import Profile

_STICK_USB = {"03e7:2485", "03e7:f63b"}  # Neural Compute Stick 2 before and after its firmware has started
_GPU_TARGETS = {"cuda", "tensorrt"}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong."""

    text: str
    remedy: str
    """A command, or what to do where no command helps."""
    is_blocking: bool = False
    """The main job cannot run before this is mended."""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a unit."""

    host: Host
    profile: Profile | None
    """The one that matches, if there is one."""
    plan_failure: str = ""
    """Why there is no plan."""
    locked_cameras: tuple[str, ...] = ()
    """Video nodes that this user may not open."""
    missing_models: tuple[str, ...] = ()
    """Models that the plan chose and that are not in the store."""


def diagnose(found: Findings) -> tuple[Problem, ...]:
    """Tell everything that is wrong, blocking problems first."""
    problems = [
        *_profile_problems(found),
        *_runtime_problems(found.host),
        *_accelerator_problems(found.host),
        *_plan_problems(found),
        *_memory_problems(found),
        *_zone_problems(found),
        *_camera_problems(found),
    ]
    return tuple(sorted(problems, key=lambda problem: not problem.is_blocking))


def _profile_problems(found: Findings) -> Iterator[Problem]:
    name = found.host.board or f"{found.host.arch} board"
    remedy = "edgefuse doctor --sample shows the facts for a profile of its own (docs/boards.md)"
    if found.profile is None:
        yield Problem(text=f"no profile matches this {name}", remedy=remedy, is_blocking=True)
    elif not any((found.profile.match.compatible, found.profile.match.board, found.profile.match.dmi)):
        yield Problem(text=f"no profile knows this {name}; it runs as '{found.profile.id}'", remedy=remedy)


def _runtime_problems(host: Host) -> Iterator[Problem]:
    is_any_usable = any(fact.is_usable for fact in host.runtimes)
    for fact in host.runtimes:
        if not fact.is_usable:
            text, remedy = _split_remedy(fact.reason)
            yield Problem(text=f"{fact.id}: {text}", remedy=remedy, is_blocking=not is_any_usable)
        elif fact.reason:
            text, remedy = _split_remedy(fact.reason)
            yield Problem(text=f"{fact.id} works on {', '.join(fact.targets)} only; {text}", remedy=remedy)


def _accelerator_problems(host: Host) -> Iterator[Problem]:
    targets = {fact.id: set(fact.targets) for fact in host.runtimes if fact.is_usable}
    reached = set().union(*targets.values())
    if "nvidia" in host.gpus and "onnxruntime" in targets and not _GPU_TARGETS & reached:
        remedy = (
            "install onnxruntime-gpu from NVIDIA's Jetson wheels in place of onnxruntime (docs/boards.md)"
            if host.tegra_release
            else "pip uninstall onnxruntime && pip install onnxruntime-gpu"
        )
        yield Problem(text="the NVIDIA GPU is not used: onnxruntime is a build for the processor alone", remedy=remedy)
    if "intel" in host.gpus and "openvino" in targets and "gpu" not in reached:
        remedy = "sudo apt install intel-opencl-icd && sudo usermod -aG render $USER"
        yield Problem(text="the Intel GPU is not used: OpenVINO does not see it", remedy=remedy)
    if _STICK_USB.intersection(host.usb) and "myriad" not in reached:
        text = "the Neural Compute Stick is not used: no OpenVINO here has its MYRIAD plug-in"
        yield Problem(text=text, remedy="install Intel's OpenVINO 2022.3 archive for Python 3.10 (docs/boards.md)")


def _plan_problems(found: Findings) -> Iterator[Problem]:
    if found.plan_failure:
        yield Problem(text=found.plan_failure, remedy="mend the runtimes that it names", is_blocking=True)
    if found.missing_models:
        text = f"models are not here yet: {', '.join(found.missing_models)}"
        yield Problem(text=text, remedy=f"edgefuse models fetch {' '.join(found.missing_models)}")


def _memory_problems(found: Findings) -> Iterator[Problem]:
    host = found.host
    if found.profile is None or not host.memory_mb:
        return
    wanted_mb = found.profile.memory_mb
    if host.memory_limit_mb is not None and host.memory_limit_mb < wanted_mb:
        text = f"the control group allows {host.memory_limit_mb} MB, the profile plans with {wanted_mb} MB"
        yield Problem(text=text, remedy=f"set MemoryMax={wanted_mb}M in the unit, or docker run --memory {wanted_mb}m")
    if host.memory_mb < wanted_mb:
        text = f"there are {host.memory_mb} MB of memory, the profile plans with {wanted_mb} MB"
        yield Problem(text=text, remedy="lower memory_mb in a profile of your own (docs/boards.md)")


def _zone_problems(found: Findings) -> Iterator[Problem]:
    wanted = found.profile.zones if found.profile else ("*",)
    readable = [zone.name for zone in found.host.zones if zone.temp_c is not None]
    if any(fnmatchcase(name, pattern) for name in readable for pattern in wanted):
        return
    if readable:
        text = f"none of the profile's temperature zones can be read; here are {', '.join(readable)}"
        yield Problem(text=text, remedy="name one of them in a profile of your own (docs/boards.md)")
    else:
        remedy = (
            "sudo modprobe coretemp (Intel) or k10temp (AMD); a virtual machine or container has none"
            if found.host.arch == "x86_64"
            else "check that /sys/class/thermal is there; a container needs it mounted"
        )
        yield Problem(text="no temperature can be read, so heat is not watched", remedy=remedy)


def _camera_problems(found: Findings) -> Iterator[Problem]:
    if found.locked_cameras:
        text = f"this user may not open {', '.join(found.locked_cameras)}"
        yield Problem(text=text, remedy="sudo usermod -aG video $USER, then log in again")
    elif not found.host.cameras:
        text = "there is no camera; files, network streams and the test pattern work without one"
        yield Problem(text=text, remedy="plug one in and look with: ls /dev/video*")


def _split_remedy(reason: str) -> tuple[str, str]:
    """Take the command out of a reason such as ``runtime is not installed (pip install openvino)``."""
    text, bracket, command = reason.rpartition(" (")
    if bracket and command.endswith(")"):
        return text, command[:-1]
    return reason, "edgefuse --verbose doctor shows more; if it stays, install the runtime again"
