"""What tests of the fleet share: a site, its broker, devices that joined it, and an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from fakes.broker import Broker, free_ports, serving
from fakes.certified import CertifiedClient
from fakes.daemon import Daemon
from fakes.embedded import EmbeddedBroker, serving_embedded
from fakes.memory_folder import memory_folder
from fakes.postgresql import PostgreSql, running_postgresql
from paho.mqtt.enums import MQTTProtocolVersion

from edgefuse.config.link import LinkSettings
from edgefuse.fleet.database import Database, open_database
from edgefuse.fleet.enrolment import enrol, init_site
from edgefuse.fleet.site import load_register
from edgefuse.link.client import Link
from edgefuse.link.credentials import Enrolment, install_credentials
from edgefuse.link.topics import STATE, make_topic
from edgefuse.trusted_time import TrustedTime


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: these tests sync often."""
    with memory_folder(otherwise=tmp_path) as folder:
        yield folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site for this machine, on ports that are free now."""
    folder = tmp_path / "site"
    init_site(folder, "localhost", free_ports())
    return folder


@dataclass
class Fleet:
    """A site whose broker runs."""

    folder: Path
    port: int
    broker: Broker | EmbeddedBroker
    protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
    clients: ExitStack = field(default_factory=ExitStack)

    def join(self, device: str, make: Callable[[Path, str], Enrolment] = enrol) -> Path:
        """Give the credentials of a device that was enrolled or rotated."""
        folder = self.folder.with_name(device)
        install_credentials(make(self.folder, device), folder, self.folder.stat())
        return folder

    def connect(
        self, credentials: Path, port: int | None = None, client_id: str = "", will_topic: str | None = None
    ) -> CertifiedClient:
        """Connect as a device does."""
        files = (credentials / name for name in ("ca.pem", "device.pem", "device.key"))
        options = {"protocol": self.protocol, "will_topic": will_topic}
        return self._keep(CertifiedClient(port or self.port, *files, client_id, **options))

    def operate(self) -> CertifiedClient:
        """Connect as the operator does, and see all that devices say."""
        files = (self.folder / name for name in ("ca.pem", "operator.pem", "operator.key"))
        client = self._keep(CertifiedClient(self.port + 1, *files, protocol=self.protocol))
        client.subscribe("ef/v1/d/+/up/#")
        return client

    def _keep(self, client: CertifiedClient) -> CertifiedClient:
        return self.clients.enter_context(closing(client))


@pytest.fixture
def fleet(site: Path, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """The site with a real broker that runs with what ``fleet init`` wrote: mosquitto, or the embedded one."""
    is_embedded = getattr(request, "param", "mosquitto") == "embedded"
    port = load_register(site).port
    last_port = port + 1  # which is opened last
    with serving_embedded(site, last_port) if is_embedded else serving(site, port=last_port) as broker:
        fleet = Fleet(site, port, broker, MQTTProtocolVersion.MQTTv311 if is_embedded else MQTTProtocolVersion.MQTTv5)
        with fleet.clients:
            yield fleet


@contextmanager
def linked(fleet: Fleet, device: str, daemon: Daemon, time: TrustedTime | None = None) -> Iterator[Link]:
    """Run the real link of a device, which joins now unless it has, and wait for the broker to have it."""
    credentials = fleet.folder.with_name(device)
    if not credentials.exists():
        fleet.join(device)
    settings = {
        "broker": f"mqtts://localhost:{fleet.port}",
        "device_id": device,
        "credentials": str(credentials),
        "allow": ["snapshot"],
    }
    folder = fleet.folder.with_name(f"{device}-state")
    operator = fleet.operate()
    link = Link(msgspec.convert(settings, LinkSettings), folder, daemon, daemon.loop, time or TrustedTime())
    link.set_state("0", "RUNNING")
    link.start()
    operator.wait(lambda: make_topic(device, STATE) in [topic for topic, _ in operator.messages])
    yield link
    link.stop()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """What a device's link belongs to."""
    daemon = Daemon()
    yield daemon
    daemon.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A PostgreSQL, for all tests that want one."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/fleet.sqlite"
    server: PostgreSql = request.getfixturevalue("postgresql")
    return server.empty_database()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database, of each kind in turn."""
    with closing(open_database(database_url)) as database:
        yield database
