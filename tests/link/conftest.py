"""What tests of the link share: one real broker, and a device, a daemon and an operator around it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.broker import Broker, serving
from fakes.daemon import Daemon
from fakes.memory_folder import memory_folder
from fakes.operator_station import Observer, Signer, trust


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: these tests sync thousands of times."""
    with memory_folder(otherwise=tmp_path) as folder:
        yield folder


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that remembers nothing from other tests."""
    with serving(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def observer(broker: Broker) -> Iterator[Observer]:
    """Sees what devices say."""
    observer = Observer(broker.port)
    yield observer
    observer.close()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """What the link belongs to."""
    daemon = Daemon()
    yield daemon
    daemon.close()


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """An operator whom the device trusts."""
    signer = Signer()
    trust(tmp_path / "credentials/operators.json", signer)
    return signer
