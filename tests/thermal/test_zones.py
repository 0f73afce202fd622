"""Reading a unit's zones from files as the kernel shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefuse.config.profile import Profile, find_profile
from edgefuse.thermal.zones import HOLD_S, LARGEST_JUMP_K, RESCAN_S, ZoneReader

ZONE = "sys/class/thermal/thermal_zone{}"
CHIP = "sys/class/hwmon/hwmon{}"


def lay(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")


def lay_zone(root: Path, temp: str, name: str = "cpu-thermal", number: int = 0) -> None:
    folder = ZONE.format(number)
    lay(root, {f"{folder}/type": name, f"{folder}/temp": temp})


@pytest.fixture
def pi() -> Profile:
    return find_profile("raspberry-pi-5")


@pytest.fixture
def reader(pi: Profile, tmp_path: Path) -> ZoneReader:
    lay_zone(tmp_path, "48250")
    return ZoneReader(pi, tmp_path)


def test_a_zone_is_read_in_degrees(reader: ZoneReader) -> None:
    readings = reader.read(0.0)
    assert readings.temps_c == {"cpu-thermal": 48.25}
    assert not (readings.stale or readings.lost or readings.is_blind or readings.is_throttled)
    assert readings.power_w is None


@pytest.mark.parametrize("nonsense", ["-256000", "125000", "-40000", "N/A", "", "nan"])
def test_what_cannot_be_is_held_and_then_lost(reader: ZoneReader, tmp_path: Path, nonsense: str) -> None:
    reader.read(0.0)
    lay_zone(tmp_path, nonsense)
    held, lost = reader.read(HOLD_S - 1), reader.read(HOLD_S)
    assert (held.temps_c, held.stale, held.is_blind) == ({"cpu-thermal": 48.25}, ("cpu-thermal",), False)
    assert (lost.temps_c, lost.lost, lost.is_blind) == ({}, ("cpu-thermal",), True)


def test_a_zone_that_refuses_is_held(reader: ZoneReader, tmp_path: Path) -> None:
    reader.read(0.0)
    path = tmp_path / ZONE.format(0) / "temp"
    path.unlink()
    path.mkdir()  # reading it raises OSError, as a Jetson's switched-off blocks do
    assert reader.read(1.0).stale == ("cpu-thermal",)


def test_a_zone_that_comes_back_is_believed(reader: ZoneReader, tmp_path: Path) -> None:
    reader.read(0.0)
    lay_zone(tmp_path, "")
    assert reader.read(HOLD_S).is_blind
    lay_zone(tmp_path, "52000")
    assert reader.read(HOLD_S + 1).temps_c == {"cpu-thermal": 52.0}


def test_a_single_spike_is_not_believed(reader: ZoneReader, tmp_path: Path) -> None:
    reader.read(0.0)
    lay_zone(tmp_path, "100000")
    assert reader.read(1.0).temps_c == {"cpu-thermal": 48.25}
    lay_zone(tmp_path, "48700")
    assert reader.read(2.0).temps_c == {"cpu-thermal": 48.7}


def test_a_jump_that_stays_is_believed(reader: ZoneReader, tmp_path: Path) -> None:
    reader.read(0.0)
    lay_zone(tmp_path, str(int(1000 * (48.25 + LARGEST_JUMP_K + 1))))
    assert reader.read(1.0).temps_c == {"cpu-thermal": 48.25}
    assert reader.read(2.0).temps_c == {"cpu-thermal": 48.25 + LARGEST_JUMP_K + 1}


def test_a_board_without_any_sensor_is_not_blind(pi: Profile, tmp_path: Path) -> None:
    readings = ZoneReader(pi, tmp_path).read(0.0)
    assert (readings.temps_c, readings.is_blind) == ({}, False)


def test_a_driver_that_is_loaded_late_is_found(pi: Profile, tmp_path: Path) -> None:
    reader = ZoneReader(pi, tmp_path)
    reader.read(0.0)
    lay_zone(tmp_path, "50000")
    assert reader.read(RESCAN_S).temps_c == {"cpu-thermal": 50.0}


def test_a_jetsons_switched_off_blocks_and_power_chip_are_left_out(tmp_path: Path) -> None:
    names = {"CPU-therm": "41000", "GPU-therm": "-256000", "PMIC-Die": "100000"}
    for number, (name, temp) in enumerate(names.items()):
        lay_zone(tmp_path, temp, name, number)
    readings = ZoneReader(find_profile("jetson-nano"), tmp_path).read(0.0)
    assert (readings.temps_c, readings.is_blind) == ({"CPU-therm": 41.0}, False)


def test_a_graphics_processor_that_is_switched_off_blinds_nobody(tmp_path: Path) -> None:
    lay_zone(tmp_path, "41000", "CPU-therm", 0)
    lay_zone(tmp_path, "40000", "GPU-therm", 1)
    reader = ZoneReader(find_profile("jetson-nano"), tmp_path)
    reader.read(0.0)
    lay_zone(tmp_path, "-256000", "GPU-therm", 1)
    reader.read(HOLD_S - 1)
    readings = reader.read(HOLD_S + 1)
    assert (readings.lost, readings.is_blind) == (("GPU-therm",), False)


def test_names_of_both_jetpacks_are_found(tmp_path: Path) -> None:
    lay_zone(tmp_path, "51700", "tj-thermal", 0)
    lay_zone(tmp_path, "50000", "CPU-therm", 1)
    readings = ZoneReader(find_profile("jetson-orin-nano"), tmp_path).read(0.0)
    assert readings.temps_c == {"CPU-therm": 50.0, "tj-thermal": 51.7}


def test_sensors_of_a_chip_count_as_one_with_the_hottest(tmp_path: Path) -> None:
    chip = CHIP.format(0)
    lay(tmp_path, {f"{chip}/name": "k10temp", f"{chip}/temp1_input": "41000", f"{chip}/temp3_input": "57000"})
    readings = ZoneReader(find_profile("generic-x86-64"), tmp_path).read(0.0)
    assert readings.temps_c == {"k10temp": 57.0}


def test_temperatures_of_the_worker_are_cleaned_as_well(reader: ZoneReader) -> None:
    assert reader.read(0.0, {"myriad": 61.0}).temps_c == {"cpu-thermal": 48.25, "myriad": 61.0}
    later = reader.read(1.0, {"myriad": -273.0})
    assert (later.temps_c["myriad"], later.stale) == (61.0, ("myriad",))


@pytest.mark.parametrize("soc", ["soc/soc:firmware", "soc@107c000000/soc@107c000000:firmware"])
@pytest.mark.parametrize(
    ("bits", "words"),
    [
        ("0", ()),
        ("50000", ()),  # of the past
        ("1", ()),  # too little voltage alone slows nothing down
        ("e", ("frequency capped", "throttled", "soft temperature limit")),
        ("50003", ("frequency capped", "under-voltage: take a stronger power supply")),
        ("broken", ()),
    ],
)
def test_a_raspberry_pi_tells_by_bits_what_slows_it_down(
    reader: ZoneReader, tmp_path: Path, soc: str, bits: str, words: tuple[str, ...]
) -> None:
    lay(tmp_path, {f"sys/devices/platform/{soc}/get_throttled": bits})
    assert reader.read(0.0).slowdowns == words


def test_a_processor_of_intel_tells_by_counting(reader: ZoneReader, tmp_path: Path) -> None:
    path = "sys/devices/system/cpu/cpu{}/thermal_throttle/core_throttle_count"
    lay(tmp_path, {path.format(0): "7", path.format(1): "2"})
    assert not reader.read(0.0).is_throttled  # of the past
    lay(tmp_path, {path.format(1): "5"})
    assert reader.read(1.0).slowdowns == ("the kernel has counted slow-downs since the last look",)
    assert not reader.read(2.0).is_throttled


def test_a_jetson_counts_over_currents(reader: ZoneReader, tmp_path: Path) -> None:
    chip = CHIP.format(3)
    lay(tmp_path, {f"{chip}/name": "soctherm_oc", f"{chip}/oc1_event_cnt": "0"})
    reader.read(0.0)
    lay(tmp_path, {f"{chip}/oc1_event_cnt": "1"})
    assert reader.read(1.0).is_throttled


@pytest.mark.parametrize(
    ("kind", "state", "is_throttled"),
    [("thermal-cpufreq-0", "2", True), ("thermal-cpufreq-0", "0", False), ("pwm-fan", "3", False)],
)
def test_a_cooling_device_slows_the_board_down_unless_it_is_a_fan(
    reader: ZoneReader, tmp_path: Path, kind: str, state: str, is_throttled: bool
) -> None:
    device = "sys/class/thermal/cooling_device0"
    lay(tmp_path, {f"{device}/type": kind, f"{device}/cur_state": state})
    assert reader.read(0.0).is_throttled == is_throttled


def lay_rail(root: Path, number: int, label: str, volt_mv: int, current_ma: int) -> None:
    chip = CHIP.format(1)
    rail = {f"in{number}_label": label, f"in{number}_input": f"{volt_mv}", f"curr{number}_input": f"{current_ma}"}
    lay(root, {f"{chip}/name": "ina3221", **{f"{chip}/{name}": text for name, text in rail.items()}})


def test_a_jetsons_power_is_that_of_its_input(reader: ZoneReader, tmp_path: Path) -> None:
    lay_rail(tmp_path, 1, "VDD_IN", 5000, 1200)
    lay_rail(tmp_path, 2, "VDD_CPU_GPU_CV", 5000, 400)
    assert reader.read(0.0).power_w == pytest.approx(6.0)


def test_rails_are_summed_where_none_is_the_input(reader: ZoneReader, tmp_path: Path) -> None:
    lay_rail(tmp_path, 1, "GPU", 5000, 400)
    lay_rail(tmp_path, 2, "CPU", 5000, 200)
    assert reader.read(0.0).power_w == pytest.approx(3.0)
