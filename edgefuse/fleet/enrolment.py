"""Making a site, taking devices in, and ending trust.

never ── enrol ──► trusted ── rotate ──► trusted, with another certificate
                      └── revoke ──► revoked ── enrol ──► trusted
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
from nacl.signing import SigningKey

from edgefuse import disk
from edgefuse.config.link import DEVICE_ID
from edgefuse.errors import ConfigError, EdgefuseError, StoreError
from edgefuse.fleet.authority import Identity, issue, load_identity, make_authority, make_revocations
from edgefuse.fleet.broker import make_configuration, make_rules
from edgefuse.fleet.site import (
    HOME_ASSISTANT,
    LOCAL_HOSTS,
    OPERATOR,
    Member,
    Register,
    add_signing_key,
    changing,
    load_signing_key,
    save_register,
)
from edgefuse.link.credentials import Enrolment
from edgefuse.link.operators import OperatorEntry, make_key_id

_HOST = r"^[A-Za-z0-9.:-]{1,253}\Z"


def init_site(folder: Path, host: str, port: int) -> Register:
    """Make a site's authority, keys and broker configuration, all or nothing.

    Args:
        folder: Whole path, not there or empty.
        host: By which devices and operators reach the broker.
        port: For devices; operators get the next one.

    Raises:
        ConfigError: Host or port are none.
        EdgefuseError: Something is in the folder.
        StoreError: The folder cannot be written.
    """
    if not re.match(_HOST, host) or not 0 < port < 65535:
        raise ConfigError(f"cannot make a site for {host}:{port}: give a host's name or address and a port below 65535")
    if folder.exists() and any(folder.iterdir()):
        raise EdgefuseError(f"cannot make a site in {folder}: it is not empty; name another folder")
    signing_key = SigningKey.generate()
    register = Register(host=host, port=port, key_id=make_key_id(signing_key.verify_key))
    new = folder.with_name(f".{folder.name}.new")
    with disk.writing(folder):
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True, mode=0o700)
        (new / "broker").mkdir()
        add_signing_key(new, signing_key, register.key_id)
        disk.write_atomically(new / "mosquitto.conf", make_configuration(folder, register).encode())
        _write_certificates(new, register)
        save_register(new, register)
        new.rename(folder)
        disk.sync_folder(folder.parent)
    return register


def enrol(folder: Path, device: str, labels: Mapping[str, str] | None = None) -> Enrolment:
    """Take a device in, which was never enrolled or was revoked.

    The site knows of it first, so that it can be revoked even if what is given here is lost.

    Args:
        folder: Of the site.
        device: Its id from now on.
        labels: In addition to those that it had before it was revoked.

    Raises:
        ConfigError: The name is none for a device, or there is no site.
        EdgefuseError: It is enrolled.
    """
    if not re.match(DEVICE_ID, device):
        raise ConfigError(f"cannot enrol '{device}': a device's id has a-z, 0-9 and -, 63 characters at most")
    with changing(folder) as register:
        member = register.members.get(device)
        if member is not None and not member.is_revoked:
            raise EdgefuseError(
                f"cannot enrol '{device}': it is enrolled; edgefuse fleet rotate {device} gives new keys"
            )
        return _take_in(folder, register, device, labels or {})


def rotate(folder: Path, device: str) -> Enrolment:
    """Give a device a new certificate and the newest signing key to trust, and end its old certificate.

    Raises:
        EdgefuseError: It is not enrolled.
    """
    with changing(folder) as register:
        old = register.find(device)
        ended = msgspec.structs.replace(register, revoked=(*register.revoked, old.serial))
        return _take_in(folder, ended, device, {})


def rotate_signing_key(folder: Path) -> tuple[str, ...]:
    """Make a new signing key and give the devices that trust only an older one until they are rotated.

    Raises:
        ConfigError: There is no site.
    """
    with changing(folder) as register:
        key = SigningKey.generate()
        key_id = make_key_id(key.verify_key)
        add_signing_key(folder, key, key_id)
        save_register(folder, msgspec.structs.replace(register, key_id=key_id))
        return tuple(device for device, member in register.members.items() if not member.is_revoked)


def revoke(folder: Path, device: str) -> None:
    """Trust a device no longer; it stays so when asked again.

    Raises:
        EdgefuseError: It was never enrolled.
    """
    with changing(folder) as register:
        member = register.members.get(device) or register.find(device)
        ended = msgspec.structs.replace(
            register,
            members={**register.members, device: msgspec.structs.replace(member, is_revoked=True)},
            revoked=tuple(dict.fromkeys((*register.revoked, member.serial))),
        )
        save_register(folder, ended)
        _write_trust(folder, ended, load_authority(folder))


def load_authority(folder: Path) -> Identity:
    """Load what certificates of this site are signed by.

    Raises:
        ConfigError: It is not there or none.
    """
    try:
        certificate, key = (disk.read_file(folder / name) for name in ("ca.pem", "ca.key"))
        return load_identity(certificate, key)
    except (StoreError, ValueError) as e:
        raise ConfigError(f"cannot load the site's authority: {e}; restore it from a backup of {folder}") from e


def let_in_home_assistant(folder: Path) -> Identity:
    """Give Home Assistant a certificate, and end the one before.

    Raises:
        ConfigError: There is no site.
    """
    with changing(folder) as register:
        authority = load_authority(folder)
        identity = issue(authority, HOME_ASSISTANT, "client")
        changed = msgspec.structs.replace(_without_home_assistant(register), home_assistant=identity.serial)
        save_register(folder, changed)
        _write_trust(folder, changed, authority)
        return identity


def shut_out_home_assistant(folder: Path) -> None:
    """Let Home Assistant in no longer; it stays so when asked again.

    Raises:
        ConfigError: There is no site.
    """
    with changing(folder) as register:
        changed = _without_home_assistant(register)
        save_register(folder, changed)
        _write_trust(folder, changed, load_authority(folder))


def _without_home_assistant(register: Register) -> Register:
    serials = (register.home_assistant,) if register.home_assistant else ()
    return msgspec.structs.replace(register, home_assistant="", revoked=(*register.revoked, *serials))


def _take_in(folder: Path, register: Register, device: str, labels: Mapping[str, str]) -> Enrolment:
    authority = load_authority(folder)
    identity = issue(authority, device, "client")
    signing_key = load_signing_key(folder, register.key_id)
    before = register.members.get(device)
    labels = {**before.labels, **labels} if before else labels
    member = Member(serial=identity.serial, key_id=register.key_id, labels=labels)
    register = msgspec.structs.replace(register, members={**register.members, device: member})
    save_register(folder, register)
    _write_trust(folder, register, authority)
    return Enrolment(
        device_id=device,
        broker=register.devices_url,
        ca=authority.certificate_der,
        certificate=identity.certificate_der,
        key=identity.key_der,
        operators=(OperatorEntry(bytes(signing_key.verify_key), "operator"),),
    )


def _write_certificates(folder: Path, register: Register) -> None:
    authority = make_authority("edgefuse site")
    _write_identity(folder, "ca", authority)
    _write_identity(
        folder,
        "broker",
        issue(authority, "edgefuse broker", "server", list(dict.fromkeys((register.host, *LOCAL_HOSTS)))),
    )
    _write_identity(folder, "operator", issue(None, OPERATOR, "client"))
    _write_trust(folder, register, authority)


def _write_trust(folder: Path, register: Register, authority: Identity) -> None:
    """Write what the broker is told of devices."""
    disk.write_atomically(folder / "revoked.pem", make_revocations(authority, register.revoked))
    disk.write_atomically(folder / "acl", make_rules(register).encode(), mode=0o600)


def _write_identity(folder: Path, name: str, identity: Identity) -> None:
    disk.write_atomically(folder / f"{name}.key", identity.key_pem, mode=0o600)
    disk.write_atomically(folder / f"{name}.pem", identity.certificate_pem)
