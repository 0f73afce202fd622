"""A whole fleet on one machine: broker, controller, store and simulated devices, each in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from fakes.broker import CHECKOUT, free_ports
from fakes.certified import CertifiedClient

from benching.link_device import cpu_s, rss_mb
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.enrolment import init_site
from edgefuse.fleet.simulator import Progress
from edgefuse.fleet.site import OPERATOR, Register
from edgefuse.interpreter import module_command
from edgefuse.up.parts import tied
from edgefuse.up.ports import listens

START_S = 60.0
END_S = 120.0
"""Ten thousand devices take leave in less."""


class Program:
    """A process whose errors go to a file; it ends with this one, however that comes."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        """Start it."""
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(tied(command), stdout=subprocess.PIPE, stderr=log)
        self.lines: list[tuple[float, bytes]] = []
        """What it printed, each with the time."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def check(self) -> None:
        """Raise what ended it, if it has ended.

        Raises:
            EdgefuseError: It has.
        """
        if self._process.poll() is not None:
            last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
            raise EdgefuseError(f"cannot go on: {self.name} has ended (code {self._process.returncode}) {last}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def end(self, number: int = signal.SIGTERM) -> None:
        """Have it end in order."""
        if self._process.poll() is None:
            self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
        self.kill()
        self._reader.join(5.0)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append((time.monotonic(), line))


class Use(msgspec.Struct, frozen=True):
    """Of one process."""

    cpu_s: float
    rss_mb: float


class ScaledFleet:
    """Everything lies below one folder."""

    def __init__(self, folder: Path, *, is_embedded: bool) -> None:
        """Make the site, and start its broker and its controller."""
        self.site = folder / "site"
        self.database = f"sqlite:///{folder}/fleet.db"
        self._folder, self._is_embedded = folder, is_embedded
        self.register: Register = init_site(self.site, "localhost", free_ports())
        if not is_embedded:
            self._let_operators_read_statistics()
        self.broker = self.start_broker()
        self._statistics = None if is_embedded else self._read_statistics()
        self.controller = self._start("controller", "fleet", "serve", "--database", self.database)
        self.devices: Program | None = None

    def start_broker(self) -> Program:
        """Start it, also again after it was killed."""
        if self._is_embedded:
            command = module_command(sys.executable, "edgefuse.fleet.embedded", str(self.site))
        else:
            command = [str(CHECKOUT / "tools/mosquitto"), "-c", str(self.site / "mosquitto.conf")]
        self.broker = Program("broker", command, self._folder)
        deadline = time.monotonic() + START_S
        while not listens(self.register.port + 1):
            self.broker.check()
            if time.monotonic() > deadline:
                raise EdgefuseError("cannot measure: the broker does not listen")
            time.sleep(0.05)
        return self.broker

    def simulate(self, devices: int, rate_hz: float) -> None:
        """Have devices come."""
        options = ["--devices", str(devices), "--rate", str(rate_hz), "-o", "json"]
        self.devices = self._start("devices", "fleet", "simulate", *options)

    def history(self) -> list[tuple[float, Progress]]:
        """Give what the simulation said so far, each with the time."""
        assert self.devices is not None
        return [(at_s, msgspec.json.decode(line, type=Progress)) for at_s, line in list(self.devices.lines)]

    def progress(self) -> Progress | None:
        """Give what the simulation said last."""
        assert self.devices is not None
        self.devices.check()
        return msgspec.json.decode(self.devices.lines[-1][1], type=Progress) if self.devices.lines else None

    def count_messages(self) -> int:
        """Wait for what the simulation says next, and give how many messages its devices have published."""
        assert self.devices is not None
        before = len(self.devices.lines)
        while len(self.devices.lines) == before:
            time.sleep(0.01)
        progress = self.progress()
        assert progress is not None
        return progress.messages

    def count_dropped(self) -> int | None:
        """Give how many messages the broker has given up, until it was killed; nothing where it does not count them."""
        return int(self._statistics.messages[-1][1]) if self._statistics is not None else None

    def end_simulation(self) -> Progress:
        """Have the devices take leave, and give what they did in all."""
        assert self.devices is not None
        self.devices.end(signal.SIGINT)
        return msgspec.json.decode(self.devices.lines[-1][1], type=Progress)

    def use(self) -> dict[str, Use]:
        """Give what each process has taken so far."""
        programs = [program for program in (self.devices, self.broker, self.controller) if program is not None]
        for program in programs:
            program.check()
        return {program.name: Use(cpu_s(program.pid), rss_mb(program.pid)) for program in programs}

    def close(self) -> None:
        """End everything."""
        if self._statistics is not None:
            self._statistics.close()
        for program in (self.devices, self.controller, self.broker):
            if program is not None:
                program.end()

    def _start(self, name: str, *words: str) -> Program:
        command = module_command(sys.executable, "edgefuse", *words, "--site", str(self.site))
        return Program(name, command, self._folder)

    def _read_statistics(self) -> CertifiedClient:
        """Follow the figures of mosquitto, which it retains for a minute only."""
        ca, certificate, key = (self.site / name for name in ("ca.pem", "operator.pem", "operator.key"))
        client = CertifiedClient(self.register.operators_broker.port, ca, certificate, key)
        client.subscribe("$SYS/broker/publish/messages/dropped")
        client.wait(lambda: client.messages)
        return client

    def _let_operators_read_statistics(self) -> None:
        with (self.site / "acl").open("a") as rules:
            rules.write(f"\nuser {OPERATOR}\ntopic read $SYS/#\n")
        with (self.site / "mosquitto.conf").open("a") as configuration:
            configuration.write("\nsys_interval 1\n")
