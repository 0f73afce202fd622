"""The facts of this unit, runtimes included; each runtime is proven in a child process of its own.

``python -m edgefuse.planning.probe RUNTIME`` is that child: it prints one ``RuntimeFact`` as JSON.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from edgefuse import registry
from edgefuse.config.host import Host, RuntimeFact
from edgefuse.config.profile import Profile, choose_profile, load_profiles
from edgefuse.errors import ConfigError
from edgefuse.memory import resident_mb
from edgefuse.planning.child import ChildError, answer_parent, ask_child
from edgefuse.planning.host import read_host
from edgefuse.runtime import Runtime

TIMEOUT_S = 60.0  # a proof takes 0.1 to 0.4 s on x86-64; cold cards, small boards and emulation are far slower
_MODULE = "edgefuse.planning.probe"
_RUNTIMES = "edgefuse.runtimes"

OnProbed = Callable[[RuntimeFact], object]


def probe_host(root: Path = Path("/"), profile: Profile | None = None, on_probed: OnProbed | None = None) -> Host:
    """Read the facts of this unit and prove the runtimes that its profile names; all of them where none matches.

    Args:
        root: Folder that stands for ``/``; runtimes are those of this process all the same.
        profile: Take this one instead of the one that matches.
        on_probed: Called after each runtime, for a progress bar.

    Raises:
        ConfigError: A profile's file does not fit.
    """
    host = read_host(root)
    facts = probe_runtimes(profile or matching_profile(host), host.cores, on_probed)
    return msgspec.structs.replace(host, runtimes=facts)


def probe_runtimes(profile: Profile | None, at_once: int, on_probed: OnProbed | None = None) -> tuple[RuntimeFact, ...]:
    """Prove the runtimes of a profile, some at the same time; all of them without one.

    Raises:
        ChildStoppedError: Somebody stopped a child, which says nothing about its runtime.
    """
    python = profile.worker_python if profile else None
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        facts = []
        for fact in pool.map(lambda runtime_id: probe_runtime(runtime_id, python), runtimes_to_probe(profile)):
            facts.append(fact)
            if on_probed is not None:
                on_probed(fact)
    return tuple(facts)


def matching_profile(host: Host) -> Profile | None:
    """Give the profile that matches a host best; nothing where none does.

    Raises:
        ConfigError: A profile's file does not fit.
    """
    profiles = load_profiles()
    try:
        return choose_profile(profiles.values(), host)
    except ConfigError:
        return None


def runtimes_to_probe(profile: Profile | None) -> tuple[str, ...]:
    """List the runtimes of a profile, each once; without one, all that do real work."""
    if profile is None:
        return tuple(name for name in registry.names(_RUNTIMES) if name != "fake")
    return tuple(dict.fromkeys(rule.id for rule in profile.runtimes))


def probe_runtime(runtime_id: str, python: str | None = None, timeout_s: float = TIMEOUT_S) -> RuntimeFact:
    """Prove one runtime in a child process; whatever happens to the child becomes the reason.

    Args:
        runtime_id: File name in ``edgefuse/runtimes``.
        python: Interpreter of the worker, where it is not this one.
        timeout_s: A child that hangs is killed after that time.

    Raises:
        ChildStoppedError: Somebody stopped the child, which says nothing about the runtime.
    """
    if python is not None and not os.access(python, os.X_OK):
        return RuntimeFact(id=runtime_id, is_usable=False, reason=describe_missing_python(python))
    try:
        answer = ask_child(_MODULE, runtime_id, timeout_s=timeout_s, python=python)
        return msgspec.json.decode(answer, type=RuntimeFact)
    except (ChildError, msgspec.DecodeError) as e:
        return RuntimeFact(id=runtime_id, is_usable=False, reason=f"cannot probe {runtime_id}: {e}")


def describe_missing_python(python: str) -> str:
    """Say that a profile's ``worker_python`` is missing, and what makes it.

    Only the Neural Compute Stick needs one, for the last OpenVINO that knows it.
    """
    venv = Path(python).with_name("venv")
    return (
        f"the profile's worker_python {python} is not there "
        f"(python3.10 -m venv {venv} && {venv}/bin/pip install edgefuse 'numpy<1.25'; docs/boards.md has the rest)"
    )


def _prove(runtime_id: str) -> bytes:
    """Do the child's work."""
    runtime: Runtime = registry.load(_RUNTIMES, runtime_id)  # and with it numpy, which every worker has
    before_mb = resident_mb()
    fact = runtime.probe()
    memory_mb = max(0, round(resident_mb() - before_mb))
    return msgspec.json.encode(msgspec.structs.replace(fact, memory_mb=memory_mb))


if __name__ == "__main__":
    answer_parent(lambda: _prove(sys.argv[1]))
