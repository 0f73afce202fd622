"""Send junk on every topic that a device listens to, through a real broker, with and without a trusted signature.

Half of it is bytes at random, half is what a device expects with something changed: envelopes, and commands that are
signed anew so that what is inside is looked at too. Now and then a genuine command must still be answered.
Passes when the device answers to the end and its memory has grown by less than 5 MB after the first minute or tenth
(else exit code 1).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from fakes.broker import Broker
from fakes.operator_station import Observer, Signer, trust
from nacl.signing import SigningKey

from benching.command import run_bench
from benching.link_device import Device
from edgefuse.errors import EdgefuseError
from edgefuse.link.commands import ACTIONS
from edgefuse.link.envelope import COMMAND_TYPE, MAX_ENVELOPE_BYTES, Envelope, Signature, sign_payload
from edgefuse.link.messages import encode
from edgefuse.link.topics import PREFIX

MAX_GROWTH_MB = 5.0
CHECK_EVERY = 500
_TOPICS = ("dn/cmd", "dn/cmd", "dn/cmd", "dn/desired", "dn/repo/1", "dn/repo/x/y", "dn/", "dn/cmd/x", "dn/éß")
_VALUES = (None, True, -1, 0, 1 << 70, 1e308, "", "\x00", "x" * 5000, "2026-11-20", [], [[]], {}, {"v": 1}, "../../etc")


class Fuzz(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    minutes: float
    sent: int
    answered: int
    """Genuine commands that were answered."""
    rss_before_mb: float
    rss_after_mb: float
    exit_code: int

    @property
    def has_passed(self) -> bool:
        """It lived, and its memory is bounded."""
        return self.exit_code == 0 and self.rss_after_mb - self.rss_before_mb < MAX_GROWTH_MB


class Fuzzer:
    """Makes junk; the same seed makes the same."""

    def __init__(self, seed: int, signer: Signer) -> None:
        self._random = random.Random(seed)
        self._signer = signer
        self._kinds: tuple[Callable[[], bytes], ...] = (
            self._bytes, self._nested, self._envelope, self._envelope, self._signed, self._signed, self._oversized,
        )  # fmt: skip

    def topic(self) -> str:
        """Give a topic that reaches the device, or nearly."""
        return f"{PREFIX}/dev1/{self._random.choice(_TOPICS)}"

    def payload(self) -> bytes:
        """Give junk."""
        return self._random.choice(self._kinds)()

    def _bytes(self) -> bytes:
        return self._random.randbytes(self._random.randrange(300))

    def _nested(self) -> bytes:
        return b'{"payload":' + self._random.choice((b"[", b'{"a":')) * self._random.randrange(8000)

    def _oversized(self) -> bytes:
        return bytes(self._random.randrange(MAX_ENVELOPE_BYTES, 8 * MAX_ENVELOPE_BYTES))

    def _envelope(self) -> bytes:
        """A genuine envelope with some bytes changed."""
        data = bytearray(self._signer.seal(self._random.choice(list(ACTIONS))))
        for _ in range(self._random.randrange(1, 4)):
            data[self._random.randrange(len(data))] = self._random.randrange(256)
        return bytes(data)

    def _signed(self) -> bytes:
        """What a trusted key signed, and nonsense all the same."""
        command = msgspec.json.decode(encode(self._signer.make(self._random.choice(list(ACTIONS)))))
        for _ in range(self._random.randrange(1, 3)):
            command[self._random.choice([*command, "more"])] = self._random.choice(_VALUES)
        return self._sign(msgspec.json.encode(command), self._signer.key)

    def _sign(self, payload: bytes, key: SigningKey) -> bytes:
        return encode(Envelope(COMMAND_TYPE, payload, (Signature(self._signer.key_id, sign_payload(payload, key)),)))


def measure(options: argparse.Namespace) -> Fuzz:
    """Do it."""
    with tempfile.TemporaryDirectory() as folder:
        signer = Signer()
        trust(Path(folder) / "credentials/operators.json", signer)
        broker = Broker(Path(folder) / "broker")
        broker.start()
        observer = Observer(broker.port)
        device = Device(Path(folder), broker.url)
        try:
            return _measure(options, signer, observer, device)
        except TimeoutError as e:
            raise EdgefuseError(f"the device no longer answers: {e}") from e
        finally:
            device.process.kill()
            device.process.wait()
            observer.close()
            broker.close()


def _measure(options: argparse.Namespace, signer: Signer, observer: Observer, device: Device) -> Fuzz:
    observer.wait(lambda: observer.on("up/state"))
    fuzzer = Fuzzer(options.seed, signer)
    began_s = time.monotonic()
    settled_s = began_s + min(60.0, options.minutes * 6.0)
    sent = answered = 0
    before_mb = 0.0
    while time.monotonic() < began_s + options.minutes * 60.0 or not before_mb:
        for _ in range(CHECK_EVERY):
            observer.publish(fuzzer.topic(), fuzzer.payload())
            sent += 1
        _check_alive(signer, observer)
        answered += 1
        if not before_mb and time.monotonic() > settled_s:
            before_mb = device.rss_mb()
    after_mb = device.rss_mb()
    return Fuzz(
        minutes=options.minutes,
        sent=sent,
        answered=answered,
        rss_before_mb=round(before_mb, 1),
        rss_after_mb=round(after_mb, 1),
        exit_code=device.close(),
    )


def _check_alive(signer: Signer, observer: Observer) -> None:
    """Have a genuine command answered; junk may have used its number, so its key counts far ahead."""
    command = signer.make("status")
    observer.send(signer.seal("status", id=command.id, seq=command.seq))
    observer.reply(command.id)
    observer.messages.clear()


def describe(fuzz: Fuzz) -> str:
    """Say it in lines."""
    return (
        f"{fuzz.sent} messages of junk in {fuzz.minutes:g} minutes, {fuzz.answered} genuine commands between them "
        f"answered; memory {fuzz.rss_before_mb} MB early, {fuzz.rss_after_mb} MB at the end; exit code {fuzz.exit_code}"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/link_fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--seed", type=int, default=0, help="another one makes other junk (0)")
    _, fuzz = run_bench(parser, measure, describe)
    return 0 if fuzz.has_passed else 1


if __name__ == "__main__":
    sys.exit(main())
