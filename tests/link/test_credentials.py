"""The line that a device joins with, and the files that it becomes."""

from __future__ import annotations

import ssl
import stat
import subprocess
from pathlib import Path

import msgspec
import pytest
from fakes.certificates import make_credentials
from fakes.operator_station import Signer

from edgefuse.errors import ConfigError, StoreError
from edgefuse.link.credentials import Enrolment, decode_line, encode_line, holds, install_credentials
from edgefuse.link.operators import OperatorEntry, load_operators


@pytest.fixture(scope="module")
def enrolment(tmp_path_factory: pytest.TempPathFactory) -> Enrolment:
    """What a site gives, made with openssl."""
    folder = tmp_path_factory.mktemp("site")
    make_credentials(folder, "dev1")
    command = ["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", folder / "device.key", "-outform", "DER"]
    ca, certificate = (ssl.PEM_cert_to_DER_cert((folder / name).read_text()) for name in ("ca.pem", "device.pem"))
    return Enrolment(
        device_id="dev1",
        broker="mqtts://broker.example:8883",
        ca=ca,
        certificate=certificate,
        key=subprocess.run(command, check=True, capture_output=True).stdout,
        operators=(OperatorEntry(bytes(Signer().key.verify_key), "operator"),),
    )


def test_line_survives_being_folded(enrolment: Enrolment) -> None:
    line = encode_line(enrolment)
    assert decode_line(f"  {line[:40]}\r\n {line[40:]}\n") == enrolment


@pytest.mark.parametrize("cut", [0, 3, 17, 100, 1000])
def test_part_of_a_line_is_refused(enrolment: Enrolment, cut: int) -> None:
    with pytest.raises(ConfigError, match="cannot join"):
        decode_line(encode_line(enrolment)[:cut])


def test_enrolment_of_no_device_or_in_clear_is_refused(enrolment: Enrolment) -> None:
    for changes in ({"device_id": "../x"}, {"broker": "mqtt://broker.example"}):
        with pytest.raises(ConfigError):
            decode_line(encode_line(msgspec.structs.replace(enrolment, **changes)))


def test_credentials_are_their_owners_alone(enrolment: Enrolment, tmp_path: Path) -> None:
    install_credentials(enrolment, tmp_path / "link", tmp_path.stat())
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "link").iterdir()} == {0o600}
    assert holds(tmp_path / "link", enrolment)
    assert list(load_operators(tmp_path / "link/operators.json")) == [Signer().key_id]


def test_credentials_that_do_not_fit_leave_what_was_there(enrolment: Enrolment, tmp_path: Path) -> None:
    install_credentials(enrolment, tmp_path / "link", tmp_path.stat())
    for changes in ({"certificate": enrolment.ca}, {"key": b"none"}, {"operators": (OperatorEntry(b"2", "viewer"),)}):
        with pytest.raises(ConfigError, match="do not fit"):
            install_credentials(msgspec.structs.replace(enrolment, **changes), tmp_path / "link", tmp_path.stat())
    assert holds(tmp_path / "link", enrolment)
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_folder_that_cannot_be_written_is_told(enrolment: Enrolment, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        install_credentials(enrolment, tmp_path / "file/link", tmp_path.stat())
