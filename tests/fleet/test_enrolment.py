"""A site's folder, and what devices are given."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.enrolment import enrol, init_site, revoke, rotate, rotate_signing_key
from edgefuse.fleet.site import load_register, load_signing_key
from edgefuse.link.credentials import MAX_LINE_BYTES, decode_line, encode_line, install_credentials
from edgefuse.link.operators import load_operators


def test_secrets_of_a_site_are_its_owners_alone(site: Path) -> None:
    assert stat.S_IMODE(site.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in site.rglob("*.key")} == {0o600}


def test_site_is_not_made_over_another(site: Path) -> None:
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    with pytest.raises(EdgefuseError, match="not empty"):
        init_site(site, "localhost", 8883)
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("host", "port"), [("a b", 8883), ("x\n", 8883), ("", 8883), ("h", 0), ("h", 65535)])
def test_site_of_no_host_is_not_made(tmp_path: Path, host: str, port: int) -> None:
    with pytest.raises(ConfigError, match="cannot make a site"):
        init_site(tmp_path / "new", host, port)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("host", ["10.0.0.7", "fe80::1", "broker.example", "h" * 200])
def test_broker_is_reached_by_name_or_address(tmp_path: Path, host: str) -> None:
    init_site(tmp_path / "new", host, 8883)
    assert host in enrol(tmp_path / "new", "a").broker


def test_folder_without_a_site_is_told(tmp_path: Path) -> None:
    for change in (lambda: enrol(tmp_path, "a"), lambda: revoke(tmp_path, "a"), lambda: rotate_signing_key(tmp_path)):
        with pytest.raises(ConfigError, match="edgefuse fleet init"):
            change()
    assert not list(tmp_path.iterdir())


def test_site_of_a_version_to_come_is_refused(site: Path) -> None:
    (site / "site.json").write_text((site / "site.json").read_text().replace('"v":1', '"v":2'))
    with pytest.raises(ConfigError, match="cannot load site"):
        load_register(site)


def test_site_of_before_there_were_labels_is_read(site: Path) -> None:
    enrol(site, "a")
    (site / "site.json").write_text((site / "site.json").read_text().replace(',"labels":{}', ""))
    assert "labels" not in (site / "site.json").read_text()
    assert load_register(site).find("a").labels == {}


def test_labels_stay_when_keys_and_trust_change(site: Path) -> None:
    enrol(site, "a", {"site": "north", "floor": "2"})
    rotate(site, "a")
    revoke(site, "a")
    enrol(site, "a", {"floor": "3"})
    assert load_register(site).find("a").labels == {"site": "north", "floor": "3"}


def test_enrolment_of_the_longest_name_fits_into_a_line_of_a_terminal(tmp_path: Path) -> None:
    init_site(tmp_path / "new", "h" * 253, 65534)
    given = enrol(tmp_path / "new", "d" * 63)
    line = encode_line(given)
    assert len(line) < MAX_LINE_BYTES
    assert decode_line(line) == given


@pytest.mark.parametrize("name", ["OPERATOR", "a/b", "+", "#", "", "-a", "a" * 64, "a\n"])
def test_name_that_is_none_for_a_device_is_refused(site: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot enrol"):
        enrol(site, name)


def test_device_is_enrolled_once(site: Path) -> None:
    enrol(site, "a")
    with pytest.raises(EdgefuseError, match="fleet rotate a"):
        enrol(site, "a")


def test_device_trusts_the_sites_newest_signing_key(site: Path, tmp_path: Path) -> None:
    install_credentials(enrol(site, "a"), tmp_path / "a", site.stat())
    assert rotate_signing_key(site) == ("a",)
    install_credentials(enrol(site, "b"), tmp_path / "b", site.stat())
    keys = [load_operators(tmp_path / name / "operators.json") for name in ("a", "b")]
    members = load_register(site).members
    assert [list(key) for key in keys] == [[members["a"].key_id], [members["b"].key_id]]
    assert keys[1][members["b"].key_id].key == load_signing_key(site, load_register(site).key_id).verify_key
    install_credentials(rotate(site, "a"), tmp_path / "a", site.stat())
    assert load_operators(tmp_path / "a/operators.json") == keys[1]


def test_revoked_device_stays_revoked_until_it_is_enrolled_again(site: Path) -> None:
    enrol(site, "a")
    revoke(site, "a")
    revoke(site, "a")
    assert len(load_register(site).revoked) == 1
    for use in (lambda: rotate(site, "a"), lambda: load_register(site).find("a")):
        with pytest.raises(EdgefuseError, match="it is revoked"):
            use()
    enrol(site, "a")
    assert not load_register(site).find("a").is_revoked
    assert load_register(site).members["a"].serial not in load_register(site).revoked


def test_revocation_that_a_power_cut_ended_is_completed_by_another(site: Path) -> None:
    enrol(site, "a")
    before = (site / "revoked.pem").read_bytes()
    revoke(site, "a")
    (site / "revoked.pem").write_bytes(before)  # the site knew already, the broker's files were not written yet
    revoke(site, "a")
    assert (site / "revoked.pem").read_bytes() != before


def test_device_that_is_unknown_cannot_be_revoked(site: Path) -> None:
    with pytest.raises(EdgefuseError, match="not enrolled"):
        revoke(site, "a")


@pytest.mark.parametrize("at_s", ["86400", "1800000000"])
def test_certificates_hold_in_1970_too_so_that_a_board_without_a_clock_can_say_so(site: Path, at_s: str) -> None:
    command = ["openssl", "verify", "-x509_strict", "-attime", at_s, "-purpose", "sslserver"]
    subprocess.run([*command, "-CAfile", site / "ca.pem", site / "broker.pem"], check=True, capture_output=True)


def test_wiped_authority_is_told_of(site: Path) -> None:
    (site / "ca.key").write_text("")
    with pytest.raises(ConfigError, match="restore it from a backup"):
        enrol(site, "a")
