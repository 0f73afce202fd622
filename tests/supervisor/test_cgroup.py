"""Dividing a delegated control group, in a folder that looks like one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.cgroup import divide_group


def make_group(root: Path, members: str) -> Path:
    """Lay out what the kernel shows of a unit's group."""
    group = root / "sys/fs/cgroup/system.slice/edgefuse.service"
    group.mkdir(parents=True)
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("0::/system.slice/edgefuse.service\n")
    (root / "sys/fs/cgroup/cgroup.procs").write_text("1\n")
    (group / "cgroup.procs").write_text(members)
    (group / "cgroup.subtree_control").write_text("")
    return group


def test_the_worker_gets_a_group_with_a_limit(tmp_path: Path) -> None:
    group = make_group(tmp_path, f"{os.getpid()}\n")
    worker = divide_group(tmp_path)
    worker.limit(500)
    worker.add(4711)
    assert (group / "supervisor/cgroup.procs").read_text() == str(os.getpid())
    assert (group / "worker/memory.max").read_text() == "500000000"
    assert (group / "worker/memory.oom.group").read_text() == "1"
    assert (group / "worker/cgroup.procs").read_text() == "4711"


def test_the_helpers_get_a_group_that_gives_way_to_the_worker(tmp_path: Path) -> None:
    group = make_group(tmp_path, f"{os.getpid()}\n")
    divide_group(tmp_path).helpers.add(4711)
    assert (group / "helpers/cgroup.procs").read_text() == "4711"
    assert (group / "helpers/cpu.weight").read_text() == "10"
    assert (group / "supervisor/cpu.weight").read_text() == "200"


def test_kills_by_the_limit_are_counted(tmp_path: Path) -> None:
    group = make_group(tmp_path, f"{os.getpid()}\n")
    worker = divide_group(tmp_path)
    assert worker.oom_kills() == 0
    (group / "worker/memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert worker.oom_kills() == 2


def test_a_group_that_others_are_in_is_left_alone(tmp_path: Path) -> None:
    group = make_group(tmp_path, f"{os.getpid()}\n1\n")
    with pytest.raises(EdgefuseError, match="Delegate=yes"):
        divide_group(tmp_path)
    assert not (group / "worker").exists()


def test_without_control_groups_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(EdgefuseError, match="no control group"):
        divide_group(tmp_path)
