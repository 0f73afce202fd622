"""Asking a child about a configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fakes.interpreter import write_interpreter

from edgefuse.config.site import Site
from edgefuse.supervisor import check
from edgefuse.supervisor.cgroup import Group
from edgefuse.supervisor.children import Children

SITE = Site(source="well", sink="null")


def ask(python: str) -> str:
    async def talk() -> str:
        children = Children()
        children.watch(asyncio.get_running_loop())
        return await check.check_site(children, python, SITE)

    return asyncio.run(talk())


def test_what_the_child_says_is_wrong(tmp_path: Path) -> None:
    assert ask(write_interpreter(tmp_path / "python", "echo no such stage; exit 2")) == "no such stage"
    assert ask(write_interpreter(tmp_path / "python", "exit 0")) == ""


def test_a_child_that_crashes_or_is_not_there_is_told(tmp_path: Path) -> None:
    assert ask(write_interpreter(tmp_path / "python", "kill -SEGV $$")) == "cannot check the configuration: SIGSEGV"
    assert ask("/no/python") == "cannot check the configuration: /no/python: no such file or directory"


def test_a_child_that_takes_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "TIMEOUT_S", 0.1)
    assert "no answer within 0.1 s" in ask(write_interpreter(tmp_path / "python", "exec sleep 60"))


def test_a_child_begins_in_the_group_of_its_kind(tmp_path: Path) -> None:
    async def talk() -> int:
        children = Children()
        children.group = Group(tmp_path)
        children.watch(asyncio.get_running_loop())
        return await children.run([write_interpreter(tmp_path / "python", f"echo $$ > {tmp_path}/own")], 60)

    assert asyncio.run(talk()) == 0
    assert (tmp_path / "cgroup.procs").read_text() == (tmp_path / "own").read_text().strip()
