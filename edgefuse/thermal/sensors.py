"""What the kernel and the firmware tell of heat, as files below a root folder; nothing is cleaned here.

Every reading may be missing: drivers refuse with EAGAIN while a block is switched off, zones come and go with modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from edgefuse.planning.host import read_text

_UNSOUND = ("PMIC*",)  # a Jetson's power chip always says 100 °C
_SLOWED = ("thermal-cpufreq-*", "thermal-devfreq-*", "cpufreq-*")  # cooling devices that slow something, unlike fans
# Source: Raspberry Pi documentation, vcgencmd get_throttled; bits from 16 on tell of the past.
_PI_BITS = ((1, "frequency capped"), (2, "throttled"), (3, "soft temperature limit"))
_UNDER_VOLTAGE_BIT = 0


def find_zones(root: Path, patterns: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Give name and file of each temperature that one of the patterns names.

    Sensors of a chip share its name, and the kernel shows some zones a second time as a chip.
    """
    for folder in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        if _is_wanted(name := read_text(folder / "type"), patterns):
            yield name, folder / "temp"
    for folder in sorted(root.glob("sys/class/hwmon/hwmon*")):
        if not (folder / "device/temp").exists() and _is_wanted(name := read_text(folder / "name"), patterns):
            yield from ((name, path) for path in sorted(folder.glob("temp*_input")))


def read_number(path: Path) -> float | None:
    """Read a number; nothing where there is none right now."""
    try:
        return float(read_text(path))
    except ValueError:
        return None


def read_slowdowns(root: Path) -> tuple[str, ...]:
    """Name what slows the board down right now."""
    return (*_pi_slowdowns(root), *_cooling_devices(root))


def count_slowdowns(root: Path) -> int:
    """Count how often the board was slowed down since boot, where that is all the kernel tells.

    Processors of Intel count per core and package, a Jetson counts over-currents.
    """
    paths = (
        *root.glob("sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count"),
        *(path for folder in _chips(root, "soctherm_oc") for path in folder.glob("oc*_event_cnt")),
    )
    return sum(int(read_number(path) or 0) for path in paths)


def read_power_w(root: Path) -> float | None:
    """Read what a Jetson draws: the rail of its input, or all rails where that is not measured."""
    rails = {}
    for folder in _chips(root, "ina3221"):
        for label in folder.glob("in*_label"):
            number = label.name.removeprefix("in").removesuffix("_label")
            volt_mv, current_ma = read_number(folder / f"in{number}_input"), read_number(folder / f"curr{number}_input")
            if volt_mv is not None and current_ma is not None:
                rails[read_text(label)] = volt_mv * current_ma / 1e6
    total_w = next(
        (power_w for name, power_w in rails.items() if re.search("VDD_IN|VIN_SYS_5V0|POM_5V_IN", name)), None
    )
    return total_w if total_w is not None else sum(rails.values()) or None


def _is_wanted(name: str, patterns: Sequence[str]) -> bool:
    if any(fnmatchcase(name, pattern) for pattern in _UNSOUND):
        return False
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _pi_slowdowns(root: Path) -> Iterator[str]:
    """Read a Raspberry Pi's throttle bits, hexadecimal without 0x."""
    for path in root.glob("sys/devices/platform/soc*/soc*firmware/get_throttled"):
        try:
            bits = int(read_text(path), 16)
        except ValueError:
            return
        named = [name for bit, name in _PI_BITS if bits >> bit & 1]
        if named and bits >> _UNDER_VOLTAGE_BIT & 1:
            named.append("under-voltage: take a stronger power supply")
        yield from named


def _cooling_devices(root: Path) -> Iterator[str]:
    for folder in sorted(root.glob("sys/class/thermal/cooling_device*")):
        name = read_text(folder / "type")
        if any(fnmatchcase(name, pattern) for pattern in _SLOWED) and (read_number(folder / "cur_state") or 0) > 0:
            yield name


def _chips(root: Path, name: str) -> Iterator[Path]:
    return (folder for folder in root.glob("sys/class/hwmon/hwmon*") if read_text(folder / "name") == name)
