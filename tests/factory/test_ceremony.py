"""Who may sign: first keys, other keys, and what gets old."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.release_site import Device, Site, refuse_pin
from tuf.api.metadata import Targets

from edgefuse import clock
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.factory.ceremony import (
    find_only_key,
    find_role,
    init_vault,
    list_ageing,
    list_keys,
    renew,
    replace_key,
)
from edgefuse.factory.keyring import Keyring
from edgefuse.factory.vault import Vault, changing
from edgefuse.ota.places import FAMILIES


def test_vault_has_a_role_for_every_family_and_two_of_three_for_the_root(site: Site) -> None:
    held = list(list_keys(Vault(site.vault, site.keyring)))
    roles = [key.role for key in held]
    assert roles == ["root"] * 3 + ["targets", "snapshot", "timestamp", "releases", *FAMILIES]
    assert [key.threshold for key in held] == [2] * 3 + [1] * (len(held) - 3)
    assert len({key.key for key in held}) == len(held)


def test_second_vault_in_a_folder_is_refused(site: Site) -> None:
    before = sorted(site.vault.rglob("*"))
    with pytest.raises(ConfigError, match="cannot make a vault: there is one"):
        init_vault(site.vault, site.keyring)
    assert sorted(site.vault.rglob("*")) == before


def test_folder_without_a_vault_is_told(tmp_path: Path) -> None:
    keyring = Keyring((tmp_path,), refuse_pin)
    with pytest.raises(ConfigError, match="keys init makes one"), changing(tmp_path, keyring):
        pass


def test_root_changes_with_two_of_its_keys_from_two_sticks(site: Site, tmp_path: Path) -> None:
    sticks = _move_root_keys(site, tmp_path)
    keyring = Keyring((site.vault / "keys", *sticks[:2]), refuse_pin)
    with changing(site.vault, keyring) as vault:
        replace_key(vault, "snapshot", find_only_key(vault, "snapshot"), keyring.make("snapshot"))
        vault.write()
    site.release("one", 1, "a")
    assert Device(tmp_path / "device", site.anchor).install(site.published, "one").id == "one"


def test_root_does_not_change_with_one_of_its_keys(site: Site, tmp_path: Path) -> None:
    sticks = _move_root_keys(site, tmp_path)
    keyring = Keyring((site.vault / "keys", sticks[0]), refuse_pin)
    before = sorted((site.vault / "metadata").iterdir())
    with (
        changing(site.vault, keyring) as vault,
        pytest.raises(EdgefuseError, match=r"1 of the 2 keys that it takes are here; missing: root-.*--keys"),
    ):
        replace_key(vault, "snapshot", find_only_key(vault, "snapshot"), keyring.make("snapshot"))
    assert sorted((site.vault / "metadata").iterdir()) == before


def test_lost_root_key_is_replaced_by_the_other_two(site: Site, tmp_path: Path) -> None:
    lost = site.keys_of("root")[2]
    next((site.vault / "keys").glob(f"*-{lost.keyid[:12]}.pem")).unlink()
    with site.changing() as vault:
        replace_key(vault, "root", lost, vault.keyring.make("root"))
    site.release("one", 1, "a")
    assert Device(tmp_path / "device", site.anchor).install(site.published, "one").id == "one"


@pytest.mark.parametrize("call", [lambda key: key[:8], lambda key: f"releases-{key[:12]}.pem", lambda key: key])
def test_key_is_called_by_its_id_or_its_file(site: Site, call: Callable[[str], str]) -> None:
    (key,) = site.keys_of("releases")
    assert find_role(Vault(site.vault, site.keyring), call(key.keyid)) == ("releases", key)


@pytest.mark.parametrize("word", ["", "nothing", "zz", "-"])
def test_word_that_is_no_key_is_refused(site: Site, word: str) -> None:
    with pytest.raises(ConfigError, match="cannot find key"):
        find_role(Vault(site.vault, site.keyring), word)


def test_role_with_several_keys_asks_which(site: Site) -> None:
    with pytest.raises(ConfigError, match="it has several keys, so name one of"):
        find_only_key(Vault(site.vault, site.keyring), "root")


def test_unknown_role_is_refused(site: Site) -> None:
    with pytest.raises(ConfigError, match="cannot rotate 'detectors': choose from root, targets"):
        find_only_key(Vault(site.vault, site.keyring), "detectors")


def test_young_signatures_are_left_alone(site: Site) -> None:
    with changing(site.vault, site.keyring) as vault:
        assert renew(vault) == ()
        assert vault.write() == ()


def test_what_has_lived_half_a_year_is_signed_anew(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    in_200_days = clock.wall_now() + timedelta(days=200)
    monkeypatch.setattr(clock, "wall_now", lambda: in_200_days)
    with changing(site.vault, site.keyring) as vault:
        assert renew(vault) == ()
        assert set(vault.write()) == {"root", "targets", "snapshot", "releases", *FAMILIES}
        assert vault.expiry("releases") > in_200_days + timedelta(days=364)


def test_what_cannot_be_renewed_is_told_and_the_rest_is(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _move_root_keys(site, tmp_path)
    in_200_days = clock.wall_now() + timedelta(days=200)
    monkeypatch.setattr(clock, "wall_now", lambda: in_200_days)
    with changing(site.vault, site.keyring) as vault:
        (late,) = renew(vault)
        assert late.startswith("cannot sign root: 0 of the 2 keys")
        assert "root" not in vault.write()


def test_signatures_that_end_soon_are_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(site.vault, site.keyring)
    assert list_ageing(vault) == ()
    in_320_days = clock.wall_now() + timedelta(days=320)
    monkeypatch.setattr(clock, "wall_now", lambda: in_320_days)
    named = [line.partition(" on ")[0] for line in list_ageing(vault)]
    assert named == ["root", "targets", "snapshot", "releases", *FAMILIES]


def test_damaged_metadata_is_told(site: Site) -> None:
    (site.vault / "metadata/1.releases.json").write_text("{")
    with pytest.raises(ConfigError, match=r"cannot read .*1\.releases\.json.*restore"):
        Vault(site.vault, site.keyring).load("releases", Targets)


def _move_root_keys(site: Site, tmp_path: Path) -> list[Path]:
    """Put each of the root's keys onto a stick of its own."""
    sticks = []
    for number, path in enumerate((site.vault / "keys").glob("root-*.pem")):
        stick = tmp_path / f"stick-{number}"
        stick.mkdir()
        shutil.move(path, stick)
        sticks.append(stick)
    return sticks
