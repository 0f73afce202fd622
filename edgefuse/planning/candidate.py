"""What a plan chooses from: each variant of a release on each runtime of a profile."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from edgefuse.config.host import Host
from edgefuse.config.manifest import Manifest, Variant
from edgefuse.config.profile import Profile, RuntimeRule
from edgefuse.store.release import Release
from edgefuse.store.state import Measurement, Setup, State

SPEED_GAIN = 0.9  # a further thread must save 10 % of the time: two cost 1.3 times the processor time of one


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One variant on one runtime; compared by identity."""

    manifest: Manifest
    variant: Variant
    rule: RuntimeRule
    rule_index: int
    """Place of the runtime in the profile, 0 is best."""
    setup: Setup
    measurement: Measurement | None
    """Of this very setup, on this unit."""

    @property
    def memory_mb(self) -> int:
        """What the opened session holds: measured here, else as the manifest says."""
        return self.measurement.memory_mb if self.measurement else self.variant.memory_mb

    @property
    def runtime(self) -> str:
        """Name the runtime as people read it, with its target where that is not the processor."""
        return self.rule.id if self.rule.target == "cpu" else f"{self.rule.id} {self.rule.target}"

    @property
    def place(self) -> str:
        """Name variant and runtime as people read it."""
        return f"{self.variant.id} on {self.runtime}"


def list_candidates(profile: Profile, release: Release, host: Host, state: State) -> list[Candidate]:
    """List every variant of a release on every runtime of a profile, in an order that no file's order changes."""
    return [
        Candidate(manifest, variant, rule, index, *_setup(variant, rule, host, state))
        for manifest in sorted(release.manifests, key=lambda m: m.id)
        for variant in sorted(manifest.variants, key=lambda v: v.id)
        for index, rule in enumerate(profile.runtimes)
    ]


def make_setup(variant: Variant, runtime: str, version: str, target: str, threads: int) -> Setup:
    """Give the setup under which results of a variant are kept."""
    return Setup(variant.files[0].sha256, variant.size_px, runtime, version, target, threads)


def default_threads(rule: RuntimeRule, host: Host) -> int:
    """Give the threads of a session that was not measured: the rule's, else half of the cores."""
    return rule.threads or max(1, host.cores // 2)


def _setup(variant: Variant, rule: RuntimeRule, host: Host, state: State) -> tuple[Setup, Measurement | None]:
    """Give the setup that was measured as best, else the one that is expected to do."""
    fact = host.runtime(rule.id)
    version = fact.version if fact else ""
    expected = make_setup(variant, rule.id, version, rule.target, default_threads(rule, host))
    measurement = _best_measurement(expected, rule, host, state)
    return (measurement.setup if measurement else expected), measurement


def _best_measurement(expected: Setup, rule: RuntimeRule, host: Host, state: State) -> Measurement | None:
    """Find the measurement with the fewest threads after which more threads no longer pay."""
    best = None
    for found in sorted(state.measurements, key=lambda m: m.setup.threads):
        is_same = msgspec.structs.replace(found.setup, threads=expected.threads) == expected
        is_allowed = found.setup.threads <= (rule.threads or host.cores)  # the other cores have other work
        is_faster = best is None or found.p50_ms < best.p50_ms * SPEED_GAIN
        if is_same and is_allowed and is_faster and not state.failure(found.setup):
            best = found
    return best
