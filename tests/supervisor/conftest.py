"""Supervisors that run, over workers that do what a test wants."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator

import pytest
from fakes.supervisor import Running, start_supervisor, write_board, write_site

Supervise = Callable[..., Running]


@pytest.fixture
def unit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A root of the test's own with a board and no site configuration; short, as a socket's path has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="ef", dir="/tmp") as folder:
        monkeypatch.setenv("EDGEFUSE_ROOT", folder)
        write_board()
        yield


@pytest.fixture
def supervise(unit: None) -> Iterator[Supervise]:
    """Start supervisors; they are ended with the test."""
    running: list[Running] = []

    def start(source: str | None = "well", **variables: str) -> Running:
        if source is not None:
            write_site(source)
        running.append(start_supervisor(**variables))
        return running[-1]

    yield start
    for supervisor in running:
        if supervisor.process.poll() is None:
            supervisor.process.kill()
            supervisor.process.wait()
