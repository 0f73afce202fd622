"""Facts about one unit: what the probe found, or what a profile's ``sample:`` says a board has."""

import msgspec

from edgefuse.config.manifest import Format


class RuntimeFact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One runtime as found on a unit."""

    id: str
    version: str = ""
    targets: tuple[str, ...] = ()
    """Where it can run models, in the words of its file, proven by a tiny inference: ``cpu cuda myriad``."""
    formats: tuple[Format, ...] = ()
    """What this version reads: OpenVINO 2026 reads ``tflite``, 2022.3 does not."""
    memory_mb: int = 0
    """What the library itself holds once it has run something, whatever the models: counted once a process."""
    is_usable: bool = True
    reason: str = ""
    """Why it is not usable, and the command that mends it."""


class ZoneFact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One temperature sensor with the reading at the time of the probe."""

    name: str
    temp_c: float | None = None


class Host(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts probed on this unit."""

    arch: str
    """Of this system's programs, which a 64-bit kernel may run with 32 bits: ``x86_64 aarch64 armv7l``."""
    os: str = ""
    python: str = ""
    glibc: str = ""
    board: str = ""
    """Human-readable model: device tree ``model``, or DMI vendor and product."""
    compatible: tuple[str, ...] = ()
    """Device tree ``compatible`` strings."""
    dmi: tuple[str, ...] = ()
    """DMI system vendor, product and board name."""
    tegra_release: str = ""
    usb: tuple[str, ...] = ()
    """USB ids, ``vendor:product``, lower-case hexadecimal."""
    gpus: tuple[str, ...] = ()
    """Vendors of the graphics processors, lower case: ``nvidia intel amd``."""
    cores: int = 1
    """Processor cores that this process may use: affinity and the control group's quota count."""
    memory_mb: int = 0
    memory_limit_mb: int | None = None
    """The control group's limit where one is set."""
    cameras: tuple[str, ...] = ()
    zones: tuple[ZoneFact, ...] = ()
    runtimes: tuple[RuntimeFact, ...] = ()

    def runtime(self, runtime_id: str) -> RuntimeFact | None:
        """Find the facts about one runtime, if it was looked for."""
        return next((r for r in self.runtimes if r.id == runtime_id), None)
