"""What tests of ``edgefuse up`` share: a root with models, and the command running in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fakes.broker import BrokerMissingError
from fakes.up import Up, make_path, new_root, processes

from edgefuse.store.store import Store


@pytest.fixture
def root(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root of the test's own, with the models of the shared one."""
    assert store.root.is_dir()
    with new_root() as root:
        monkeypatch.setenv("EDGEFUSE_ROOT", str(root))
        yield root


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have mosquitto on the PATH, or not."""
    name = str(getattr(request, "param", "amqtt"))
    (tmp_path / "bin").mkdir()
    try:
        monkeypatch.setenv("PATH", make_path(name, tmp_path / "bin"))
    except BrokerMissingError:
        pytest.skip("there is no mosquitto on this machine, and none can be fetched")
    return name


@pytest.fixture
def up(root: Path, broker: str) -> Iterator[Callable[..., Up]]:
    """Start the command; it is ended with the test, and nothing of it is left."""
    with ExitStack() as running:

        def start(*options: str) -> Up:
            return running.enter_context(Up(*options))

        yield start
    assert not processes(root)
