"""A site's folder: who its devices are, and where its keys and its broker's configuration lie.

site.json                the register; everything else can be told from it and the keys
ca.pem ca.key            the authority that devices trust and are signed by
broker.pem broker.key    the broker's certificate
operator.pem .key        certificate of the commands of `edgefuse fleet`, on a listener of its own
signing/<key id>.key     what commands are signed with
sequence.json            the last number that a command had
mosquitto.conf acl revoked.pem broker/    the broker's
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from nacl.signing import SigningKey

from edgefuse import disk
from edgefuse.config.link import Broker
from edgefuse.errors import ConfigError, EdgefuseError, StoreError
from edgefuse.link.messages import decode, encode

OPERATOR = "OPERATOR"
"""User name of the commands at the broker; ids of devices have no capitals, so none can be called so."""
LOCAL_HOSTS = ("localhost", "127.0.0.1")
"""Names that a broker is reached by from its own machine."""
HOME_ASSISTANT = "HOME-ASSISTANT"
"""User name of Home Assistant, and its client id, because it comes to the devices' listener."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One device that was enrolled."""

    serial: str
    """Of its certificate, in hex."""
    key_id: str
    """The operator's key that it was told to trust."""
    is_revoked: bool = msgspec.field(name="revoked", default=False)
    labels: Mapping[str, str] = {}
    """What its operator finds it by; the device knows nothing of them."""


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """A site's devices and where its broker is; what stands in ``site.json``."""

    v: Literal[1] = 1
    host: str
    """By which devices and operators reach the broker."""
    port: int
    """For devices; operators have the next one."""
    key_id: str
    """Of the newest signing key."""
    members: Mapping[str, Member] = {}
    """By device id."""
    revoked: tuple[str, ...] = ()
    """Serials of certificates that are trusted no longer."""
    home_assistant: str = ""
    """Serial of Home Assistant's certificate; nothing where it is not let in."""

    @property
    def devices_url(self) -> str:
        """Give the broker's address for devices."""
        return f"mqtts://[{self.host}]:{self.port}" if ":" in self.host else f"mqtts://{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Tell whether the broker is reached from its own machine only."""
        return self.host in LOCAL_HOSTS

    @property
    def operators_broker(self) -> Broker:
        """Give the broker's address for the commands of ``edgefuse fleet``."""
        return Broker(self.host, self.port + 1, has_tls=True)

    def find(self, device: str) -> Member:
        """Give a device that is trusted.

        Raises:
            EdgefuseError: It was never enrolled, or was revoked.
        """
        member = self.members.get(device)
        if member is None:
            raise EdgefuseError(f"cannot find device '{device}': it is not enrolled (edgefuse fleet enrol {device})")
        if member.is_revoked:
            raise EdgefuseError(f"cannot use device '{device}': it is revoked (edgefuse fleet enrol {device})")
        return member


def load_register(folder: Path) -> Register:
    """Load the register of the site in a folder.

    Raises:
        ConfigError: There is no site, or what is there cannot be read.
    """
    path = folder / "site.json"
    if not path.exists():
        raise ConfigError(f"cannot load site: there is none in {folder}; edgefuse fleet init makes one")
    try:
        return decode(disk.read_file(path), Register)
    except (StoreError, ValueError) as e:
        raise ConfigError(f"cannot load site from {path}: {e}") from e


def save_register(folder: Path, register: Register) -> None:
    """Keep a site's register.

    Raises:
        StoreError: The folder cannot be written.
    """
    disk.write_atomically(folder / "site.json", encode(register))


@contextmanager
def changing(folder: Path) -> Iterator[Register]:
    """Give a site's register while nobody else changes it.

    Raises:
        ConfigError: There is no site.
    """
    load_register(folder)  # a folder without a site gets no lock file
    with disk.locked(folder / ".lock"):
        yield load_register(folder)


def add_signing_key(folder: Path, key: SigningKey, key_id: str) -> None:
    """Keep a key that signs commands.

    Raises:
        StoreError: The folder cannot be written.
    """
    disk.write_atomically(_signing_path(folder, key_id), key.encode().hex().encode(), mode=0o600)


def load_signing_key(folder: Path, key_id: str) -> SigningKey:
    """Load a key that signs commands.

    Raises:
        ConfigError: It is not there or no key.
    """
    path = _signing_path(folder, key_id)
    try:
        return SigningKey(bytes.fromhex(disk.read_file(path).decode()))
    except (StoreError, ValueError, TypeError) as e:
        raise ConfigError(f"cannot load signing key from {path}: {e}; restore it from a backup of {folder}") from e


def _signing_path(folder: Path, key_id: str) -> Path:
    return folder / "signing" / f"{key_id}.key"
