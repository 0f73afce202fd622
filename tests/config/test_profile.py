"""Finding profiles and choosing among them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from edgefuse import paths
from edgefuse.config import loader
from edgefuse.config.host import Host
from edgefuse.config.profile import Match, Profile, choose_profile, load_profiles, match_score
from edgefuse.errors import ConfigError

SHIPPED = paths.profile_dirs()[1]
PROFILES = loader.load_folder(SHIPPED, Profile)
NUC = Host(arch="x86_64", dmi=("Intel(R) Client Systems", "NUC8i5BEH", "NUC8BEB"))


@pytest.fixture
def local_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    folder = tmp_path / "etc/edgefuse/devices.d"
    folder.mkdir(parents=True)
    return folder


def copy(name: str, folder: Path, *changes: tuple[str, str], to: str = "") -> Path:
    text = (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / f"{to or name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def complaint() -> str:
    with pytest.raises(ConfigError) as caught:
        load_profiles()
    return str(caught.value)


def test_shipped_profiles_are_found_without_a_configuration_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEFUSE_ROOT", str(tmp_path))
    assert list(load_profiles()) == sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def test_a_local_profile_takes_the_place_of_the_shipped_one(local_dir: Path) -> None:
    copy("raspberry-pi-5", local_dir, ("title: Raspberry Pi 5", "title: Cabinet"))
    assert load_profiles()["raspberry-pi-5"].title == "Cabinet"


def test_a_local_profile_wins_over_a_shipped_one_that_matches_as_well(local_dir: Path) -> None:
    copy("intel-nuc", local_dir, ("id: intel-nuc", "id: attic"), to="attic")
    assert choose_profile(load_profiles().values(), NUC).id == "attic"


def test_mistakes_in_local_profiles_are_told_with_their_places(local_dir: Path) -> None:
    pi = copy("raspberry-pi-5", local_dir, ("enter_c: 75", "enter_c: 75C"), ("memory_mb", "memory_bm"))
    nuc = copy("intel-nuc", local_dir, ("exit_c: 80", "exit_c: 90"))
    assert complaint().splitlines() == [
        f"{nuc}:19:5: trips.0: exit_c must be below enter_c, got 90 and 88",
        f"{pi}:1:1: missing `memory_mb`",
        f"{pi}:12:1: unknown key `memory_bm` (did you mean `memory_mb`?)",
        f'{pi}:16:34: trips.0.enter_c: expected a number, got "75C"',
    ]


def test_a_profile_must_be_named_like_its_file(local_dir: Path) -> None:
    path = copy("intel-nuc", local_dir, to="attic")
    assert complaint() == f'{path}:1:5: id: expected `attic` as in the file\'s name, got "intel-nuc"'


def test_a_trip_must_name_a_zone_of_the_profile(local_dir: Path) -> None:
    path = copy("raspberry-pi-5", local_dir, ("zone: cpu-thermal", "zone: gpu-thermal"))
    assert complaint() == f"{path}:1:1: trips: zone `gpu-thermal` is not among zones (cpu-thermal)"


def test_a_host_that_nothing_matches_is_told_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"^cannot choose a profile: none matches this riscv64 host; name one with"):
        choose_profile(PROFILES.values(), Host(arch="riscv64"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (NUC, "intel-nuc"),
        (msgspec.structs.replace(NUC, usb=("8087:0aaa", "03e7:2485")), "intel-nuc-ncs2"),
        (msgspec.structs.replace(NUC, usb=("03e7:f63b",)), "intel-nuc-ncs2"),
        (Host(arch="x86_64", dmi=("Intel Corporation", "", "NUC7i5DNB")), "intel-nuc"),
        (Host(arch="x86_64", dmi=("LENOVO", "20XW"), usb=("03e7:2485",)), "generic-x86-64"),
        (Host(arch="aarch64"), "generic-arm64"),
        (Host(arch="aarch64", compatible=("raspberrypi,400", "brcm,bcm2711")), "raspberry-pi-4"),
        (Host(arch="armv7l", compatible=("raspberrypi,3-model-b", "brcm,bcm2837")), "raspberry-pi-3"),
        (Host(arch="aarch64", compatible=("raspberrypi,500", "brcm,bcm2712")), "raspberry-pi-5"),
        (
            Host(arch="aarch64", compatible=("nvidia,tegra234",), board="NVIDIA Jetson Orin NX Developer Kit"),
            "jetson-orin",
        ),
        (Host(arch="aarch64", compatible=("vendor,carrier", "nvidia,tegra234"), board="Orin Nano"), "jetson-orin-nano"),
    ],
)
def test_the_most_specific_profile_is_chosen(host: Host, expected: str) -> None:
    assert choose_profile(PROFILES.values(), host).id == expected


def test_every_rule_given_must_hold_and_is_counted() -> None:
    match = Match(arch=("x86_64", "aarch64"), dmi=("NUC",), usb=("03e7:2485",))
    assert match_score(match, NUC) == 0
    assert match_score(match, msgspec.structs.replace(NUC, usb=("03e7:2485",))) == 3
    assert match_score(Match(), NUC) == 0


def test_profiles_are_frozen() -> None:
    with pytest.raises(AttributeError):
        PROFILES["intel-nuc"].memory_mb = 1  # type: ignore[misc]
