"""What enrolment gives a device: one line of text, which ``edgefuse join`` turns into the files of its credentials."""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import ssl
import textwrap
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edgefuse import disk
from edgefuse.config.link import DEVICE_ID, parse_broker
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.link.messages import encode
from edgefuse.link.operators import OperatorEntry, OperatorFile, load_operators

LINE_START = "edgefuse-join-1."
MAX_LINE_BYTES = 4000
"""A terminal takes lines of 4095 bytes."""


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that makes a machine a device of a fleet."""

    v: Literal[1] = 1
    device_id: Annotated[str, msgspec.Meta(pattern=DEVICE_ID)]
    broker: str
    ca: bytes
    """Certificate of the site's authority, DER."""
    certificate: bytes
    """Of the device, DER."""
    key: bytes
    """Of the device, PKCS 8 in DER; secret."""
    operators: tuple[OperatorEntry, ...]


def encode_line(enrolment: Enrolment) -> str:
    """Write an enrolment as text that can be pasted; it holds the device's secret key."""
    return LINE_START + base64.urlsafe_b64encode(msgspec.msgpack.encode(enrolment)).decode()


def decode_line(text: str) -> Enrolment:
    """Read such a text; blanks that pasting brings are passed over.

    Raises:
        ConfigError: It is none, or a part of it is missing.
    """
    line = "".join(text.split())
    if not line.startswith(LINE_START):
        raise ConfigError(f"cannot join: an enrolment begins with {LINE_START}; edgefuse fleet enrol gives one")
    try:
        data = base64.b64decode(line.removeprefix(LINE_START), altchars="-_", validate=True)
        enrolment = msgspec.msgpack.decode(data, type=Enrolment)
    except (binascii.Error, msgspec.DecodeError) as e:
        raise ConfigError(f"cannot join: the enrolment is not whole ({e}); copy all of its one line") from e
    parse_broker(enrolment.broker)
    return enrolment


def holds(folder: Path, enrolment: Enrolment) -> bool:
    """Tell whether the folder has these very credentials."""
    files = _make_files(enrolment)
    return all((folder / name).is_file() and (folder / name).read_bytes() == data for name, data in files.items())


def install_credentials(enrolment: Enrolment, folder: Path, owner: os.stat_result) -> None:
    """Put credentials in place of those that are there, all or none; only ``owner`` may read them.

    They are written beside the folder and take its name at the end. A power cut leaves the old ones, the new ones, or
    none, and this can be done again.

    Raises:
        ConfigError: The parts of the enrolment do not fit each other.
        StoreError: The folder cannot be written.
    """
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    with disk.writing(folder):
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        new.mkdir(parents=True, mode=0o700)
        try:
            for name, data in _make_files(enrolment).items():
                disk.write_atomically(new / name, data, mode=0o600)
            _check(new)
            for path in (new, *new.iterdir()):
                os.chown(path, owner.st_uid, owner.st_gid)
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
            disk.sync_folder(folder.parent)
        finally:
            shutil.rmtree(new, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def _make_files(enrolment: Enrolment) -> dict[str, bytes]:
    key = "\n".join(textwrap.wrap(base64.b64encode(enrolment.key).decode(), 64))
    return {
        "ca.pem": ssl.DER_cert_to_PEM_cert(enrolment.ca).encode(),
        "device.pem": ssl.DER_cert_to_PEM_cert(enrolment.certificate).encode(),
        "device.key": f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n".encode(),
        "operators.json": encode(OperatorFile(operators=enrolment.operators)),
    }


def _check(folder: Path) -> None:
    """Try what the link will do with them."""
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "device.pem", folder / "device.key")
        load_operators(folder / "operators.json")
    except (ssl.SSLError, EdgefuseError) as e:
        raise ConfigError(f"cannot join: the parts of the enrolment do not fit each other ({e}); enrol again") from e
