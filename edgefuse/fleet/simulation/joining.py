"""Taking simulated devices into a site, thousands at once, and out of it again.

They have certificates like all others, but their keys are only in this process's memory, so nothing has to be revoked.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from edgefuse import disk
from edgefuse.config.link import Broker, parse_broker
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.authority import issue
from edgefuse.fleet.enrolment import load_authority
from edgefuse.fleet.site import Member, changing, load_signing_key, save_register
from edgefuse.link.connection import Target
from edgefuse.link.messages import encode
from edgefuse.link.operators import OperatorEntry, OperatorFile, OperatorKeys
from edgefuse.link.target import KEEPALIVE_S

LABEL = "simulated"
"""Members with it are no real devices."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What simulated devices need to take part."""

    broker: Broker
    keys: OperatorKeys
    ca: str
    """Certificate of the authority, PEM."""
    credentials: Mapping[str, bytes]
    """Certificate and key by name, PEM."""

    def make_target(self, name: str, tls: ssl.SSLContext, will_topic: str, will_payload: bytes) -> Target:
        """Give everything that a connection of a device needs."""
        return Target(name, self.broker, tls, KEEPALIVE_S, will_topic, will_payload)

    def make_tls(self, name: str) -> ssl.SSLContext:
        """Give what a device proves with who it is."""
        context = ssl.create_default_context(cadata=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        descriptor = os.memfd_create("credentials")  # the module takes files only, and keys do not go to a disk
        try:
            os.write(descriptor, self.credentials[name])
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return context


@contextmanager
def joined(folder: Path, labels: Mapping[str, Mapping[str, str]]) -> Iterator[Joined]:
    """Take devices into a site for as long as this lasts.

    Args:
        folder: Of the site.
        labels: By the names that the devices shall have.

    Raises:
        ConfigError: There is no site.
        EdgefuseError: A device of that name, or another simulation, is in the site.
    """
    authority = load_authority(folder)
    identities = {name: issue(authority, name, "client") for name in labels}
    with changing(folder) as register:
        if taken := find_simulated(register.members) or sorted(register.members.keys() & labels.keys()):
            raise EdgefuseError(
                f"cannot simulate {min(labels)}: the site has {len(taken)} such devices already ({taken[0]}); "
                "another simulation runs, or one was killed: edgefuse fleet simulate --remove takes them out"
            )
        members = {
            name: Member(serial=identity.serial, key_id=register.key_id, labels={**labels[name], LABEL: "true"})
            for name, identity in identities.items()
        }
        save_register(folder, msgspec.structs.replace(register, members={**register.members, **members}))
    try:
        with TemporaryDirectory() as temporary:
            path = Path(temporary, "operators.json")
            key = load_signing_key(folder, register.key_id).verify_key
            disk.write_atomically(path, encode(OperatorFile(operators=(OperatorEntry(bytes(key), "operator"),))))
            yield Joined(
                broker=parse_broker(register.devices_url),
                keys=OperatorKeys(path),
                ca=authority.certificate_pem.decode(),
                credentials={name: made.certificate_pem + made.key_pem for name, made in identities.items()},
            )
    finally:
        remove_simulated(folder)


def find_simulated(members: Mapping[str, Member]) -> list[str]:
    """Give the names of simulated devices."""
    return sorted(name for name, member in members.items() if LABEL in member.labels)


def remove_simulated(folder: Path) -> list[str]:
    """Take all simulated devices out of a site, and give their names.

    Raises:
        ConfigError: There is no site.
    """
    with changing(folder) as register:
        names = find_simulated(register.members)
        kept = {name: member for name, member in register.members.items() if LABEL not in member.labels}
        save_register(folder, msgspec.structs.replace(register, members=kept))
    return names
