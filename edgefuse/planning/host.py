"""Facts that the operating system tells about this unit; runtimes are ``edgefuse.planning.probe``'s business.

Every path hangs below a root folder, so that tests and the emulated board can lay files over it. What is not there is
left empty: a container without sensors is a host too. The supervisor imports this, so no pixels and no vendors here.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgefuse.config.host import Host, ZoneFact
from edgefuse.memory import BYTES_PER_MB
from edgefuse.planning.cameras import find_cameras
from edgefuse.planning.cgroup import read_limits

LOWEST_C, HIGHEST_C = -40.0, 150.0  # outside is no temperature: a Jetson's switched-off GPU reads -256 C
_GPU_VENDORS = {"0x8086": "intel", "0x10de": "nvidia", "0x1002": "amd"}  # Source: pci.ids


def read_host(root: Path = Path("/")) -> Host:
    """Read what the operating system tells about this unit.

    Args:
        root: Folder that stands for ``/``.

    Returns:
        Facts without runtimes.
    """
    dmi = tuple(filter(None, (read_text(root / "sys/class/dmi/id" / name) for name in _DMI_NAMES)))
    limits = read_limits(root)
    return Host(
        arch=name_arch(platform.machine(), is_32_bit=sys.maxsize < 1 << 32),
        os=_os_name(root),
        python=platform.python_version(),
        glibc=_glibc(),
        board=read_text(root / "proc/device-tree/model") or " ".join(dmi[:2]),
        compatible=tuple(filter(None, _raw(root / "proc/device-tree/compatible").split("\0"))),
        dmi=dmi,
        tegra_release=read_text(root / "etc/nv_tegra_release").partition("\n")[0],
        usb=_usb_ids(root),
        gpus=_gpus(root),
        cores=max(1, min(len(os.sched_getaffinity(0)), limits.cores or os.cpu_count() or 1)),
        memory_mb=_memory_mb(root),
        memory_limit_mb=limits.memory_mb,
        cameras=find_cameras(root),
        zones=_zones(root),
    )


def name_arch(machine: str, *, is_32_bit: bool) -> str:
    """Name the architecture that wheels must have: Raspberry Pi OS with 32 bits runs on a 64-bit kernel by default."""
    return "armv7l" if is_32_bit and machine == "aarch64" else machine


def read_text(path: Path) -> str:
    """Read one line of a system file without its end; empty where it is missing or the driver refuses."""
    return _raw(path).strip("\0\n ")


_DMI_NAMES = ("sys_vendor", "product_name", "board_name")


def _raw(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # missing, not ours to read, or EAGAIN from a sensor whose block is switched off
        return ""


def _os_name(root: Path) -> str:
    lines = _raw(root / "etc/os-release").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("PRETTY_NAME", platform.system()).strip('"')


def _glibc() -> str:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ")
    except (ValueError, OSError):  # another C library
        return ""


def _usb_ids(root: Path) -> tuple[str, ...]:
    folders = root.glob("sys/bus/usb/devices/*/idVendor")
    return tuple(sorted({f"{read_text(path)}:{read_text(path.with_name('idProduct'))}".lower() for path in folders}))


def _gpus(root: Path) -> tuple[str, ...]:
    """Name the vendors; NVIDIA's own drivers for cards and for Jetson need not show up among DRM's."""
    ids = (read_text(path) for path in root.glob("sys/class/drm/card*/device/vendor"))
    vendors = {_GPU_VENDORS[i] for i in ids if i in _GPU_VENDORS}
    if (root / "proc/driver/nvidia/version").exists() or (root / "etc/nv_tegra_release").exists():
        vendors.add("nvidia")
    return tuple(sorted(vendors))


def _memory_mb(root: Path) -> int:
    for line in _raw(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024 // BYTES_PER_MB
    return 0


def _zones(root: Path) -> tuple[ZoneFact, ...]:
    """List sensors by name, hottest reading of those that share one."""
    readings: dict[str, float | None] = {}
    for name, temp_c in (*_thermal_zones(root), *_hwmon_sensors(root)):
        known = readings.get(name)
        readings[name] = known if temp_c is None else max(temp_c, temp_c if known is None else known)
    return tuple(ZoneFact(name=name, temp_c=readings[name]) for name in sorted(readings))


def _thermal_zones(root: Path) -> Iterator[tuple[str, float | None]]:
    for folder in root.glob("sys/class/thermal/thermal_zone*"):
        if name := read_text(folder / "type"):
            yield name, _temp_c(folder / "temp")


def _hwmon_sensors(root: Path) -> Iterator[tuple[str, float | None]]:
    for folder in root.glob("sys/class/hwmon/hwmon*"):
        is_zone_again = (folder / "device/type").exists() and (folder / "device/temp").exists()
        inputs = () if is_zone_again else tuple(folder.glob("temp*_input"))
        if inputs and (name := read_text(folder / "name")):
            yield name, _hottest(map(_temp_c, inputs))


def _hottest(temps_c: Iterable[float | None]) -> float | None:
    return max((t for t in temps_c if t is not None), default=None)


def _temp_c(path: Path) -> float | None:
    """Read millidegrees; nothing where the sensor is off or tells no temperature."""
    try:
        temp_c = int(read_text(path)) / 1000
    except ValueError:
        return None
    return temp_c if LOWEST_C <= temp_c <= HIGHEST_C else None
