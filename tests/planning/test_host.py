import subprocess
import sys
from pathlib import Path

import pytest

from edgefuse.planning.cgroup import Limits, read_limits
from edgefuse.planning.host import name_arch, read_host


def lay(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_folder_without_anything_is_a_host_too(tmp_path: Path) -> None:
    host = read_host(tmp_path)
    assert (host.board, host.usb, host.gpus, host.cameras, host.zones, host.memory_mb) == ("", (), (), (), (), 0)
    assert host.cores >= 1


def test_a_raspberry_pi_is_known_by_its_device_tree(tmp_path: Path) -> None:
    tree = "proc/device-tree"
    files = {f"{tree}/model": "Raspberry Pi 5 Model B Rev 1.0\0", f"{tree}/compatible": "raspberrypi,5\0brcm,bcm2712\0"}
    host = read_host(lay(tmp_path, files))
    assert host.board == "Raspberry Pi 5 Model B Rev 1.0"
    assert host.compatible == ("raspberrypi,5", "brcm,bcm2712")


def test_a_nuc_is_known_by_its_dmi_names_and_what_is_plugged_in(tmp_path: Path) -> None:
    dmi, usb = "sys/class/dmi/id", "sys/bus/usb/devices"
    files = {
        f"{dmi}/sys_vendor": "Intel(R) Client Systems\n",
        f"{dmi}/product_name": "NUC8i5BEH\n",
        f"{dmi}/board_name": "NUC8BEB\n",
        f"{usb}/1-4/idVendor": "03E7\n",
        f"{usb}/1-4/idProduct": "2485\n",
        "sys/class/drm/card0/device/vendor": "0x8086\n",
    }
    host = read_host(lay(tmp_path, files))
    assert host.board == "Intel(R) Client Systems NUC8i5BEH"
    assert host.dmi == ("Intel(R) Client Systems", "NUC8i5BEH", "NUC8BEB")
    assert host.usb == ("03e7:2485",)
    assert host.gpus == ("intel",)


def test_a_jetson_is_known_by_its_release_and_has_an_nvidia_gpu(tmp_path: Path) -> None:
    host = read_host(lay(tmp_path, {"etc/nv_tegra_release": "# R36 (release), REVISION: 4.4\nmore\n"}))
    assert host.tegra_release == "# R36 (release), REVISION: 4.4"
    assert host.gpus == ("nvidia",)


@pytest.mark.parametrize(
    ("machine", "is_32_bit", "arch"),
    [
        ("aarch64", False, "aarch64"),
        ("aarch64", True, "armv7l"),
        ("armv7l", True, "armv7l"),
        ("x86_64", False, "x86_64"),
    ],
)
def test_programs_of_32_bits_on_a_64_bit_kernel_count(machine: str, is_32_bit: bool, arch: str) -> None:
    assert name_arch(machine, is_32_bit=is_32_bit) == arch


def test_memory_and_name_of_the_system_are_read(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemFree: 1 kB\nMemTotal: 3882000 kB\n",
        "etc/os-release": 'ID=x\nPRETTY_NAME="Debian 12"\n',
    }
    host = read_host(lay(tmp_path, files))
    assert (host.memory_mb, host.os) == (3975, "Debian 12")  # MB are 10⁶ bytes


@pytest.mark.parametrize(
    ("raw", "temp_c"), [("48250", 48.25), ("-256000", None), ("", None), ("N/A", None), ("900000", None)]
)
def test_a_reading_that_is_no_temperature_is_nothing(tmp_path: Path, raw: str, temp_c: float | None) -> None:
    zone = "sys/class/thermal/thermal_zone0"
    host = read_host(lay(tmp_path, {f"{zone}/type": "gpu-thermal\n", f"{zone}/temp": f"{raw}\n"}))
    assert [(z.name, z.temp_c) for z in host.zones] == [("gpu-thermal", temp_c)]


def test_a_zone_that_refuses_to_be_read_is_listed_without_a_reading(tmp_path: Path) -> None:
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    lay(tmp_path, {"sys/class/thermal/thermal_zone0/type": "cv0-thermal\n"})
    (zone / "temp").mkdir()  # reading it raises OSError, as a Jetson's switched-off blocks do
    assert [(z.name, z.temp_c) for z in read_host(tmp_path).zones] == [("cv0-thermal", None)]


def test_sensors_that_share_a_name_count_as_one_with_the_hottest_reading(tmp_path: Path) -> None:
    sensor = "sys/class/hwmon/hwmon0"
    files = {f"{sensor}/name": "coretemp\n", f"{sensor}/temp1_input": "41000\n", f"{sensor}/temp2_input": "57000\n"}
    assert [(z.name, z.temp_c) for z in read_host(lay(tmp_path, files)).zones] == [("coretemp", 57.0)]


def test_a_sensor_that_only_repeats_a_zone_is_left_out(tmp_path: Path) -> None:
    sensor, zone = "sys/class/hwmon/hwmon0", "sys/class/thermal/thermal_zone0"
    files = {f"{sensor}/name": "cpu_thermal\n", f"{sensor}/temp1_input": "50000\n"}
    lay(tmp_path, {**files, f"{zone}/type": "cpu-thermal\n", f"{zone}/temp": "50000\n"})
    (tmp_path / sensor / "device").symlink_to(tmp_path / zone)
    assert [z.name for z in read_host(tmp_path).zones] == ["cpu-thermal"]


def test_the_tightest_limit_of_all_groups_above_counts(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/edge.slice/edgefuse.service"
    files = {
        "proc/self/cgroup": "1:name=systemd:/\n0::/edge.slice/edgefuse.service\n",
        f"{group}/memory.max": "1073741824\n",
        f"{group}/cpu.max": "max 100000\n",
        "sys/fs/cgroup/edge.slice/memory.max": "536870912\n",
        "sys/fs/cgroup/edge.slice/cpu.max": "150000 100000\n",
    }
    assert read_limits(lay(tmp_path, files)) == Limits(memory_mb=536, cores=2)


DOCKER_1 = "12:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n1:name=systemd:/docker/1f\n"


@pytest.mark.parametrize("group", ["", "docker/1f/"], ids=["seen from inside", "seen from outside"])
def test_limits_of_version_1_count_as_well(tmp_path: Path, group: str) -> None:
    files = {
        "proc/self/cgroup": DOCKER_1,
        f"sys/fs/cgroup/memory/{group}memory.limit_in_bytes": "268435456\n",
        f"sys/fs/cgroup/cpu/{group}cpu.cfs_quota_us": "250000\n",
        f"sys/fs/cgroup/cpu/{group}cpu.cfs_period_us": "100000\n",
    }
    assert read_limits(lay(tmp_path, files)) == Limits(memory_mb=268, cores=3)


@pytest.mark.parametrize("nothing", ["9223372036854771712", "8796093018112"], ids=["64 bits", "32 bits"])
def test_groups_of_version_1_without_limits_are_none(tmp_path: Path, nothing: str) -> None:
    files = {
        "proc/self/cgroup": DOCKER_1,
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{nothing}\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }
    assert read_limits(lay(tmp_path, files)) == Limits()


def test_without_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert read_limits(tmp_path) == Limits()


def test_a_quota_lowers_the_number_of_cores(tmp_path: Path) -> None:
    host = read_host(lay(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}))
    assert host.cores == 1


@pytest.mark.parametrize("module", ["edgefuse.planning.host", "edgefuse.planning.plan", "edgefuse.planning.probe"])
def test_the_supervisor_can_import_it_without_numpy(module: str) -> None:
    code = f"import sys, {module}; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0
