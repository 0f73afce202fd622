"""What was measured on trial, held against the release before: does the new one pass, fail, or can nobody tell?

Frames are timed in blocks, a median each. From the blocks comes an interval that holds the true ratio of new to old,
whatever the noise looks like (the sign test's). A release fails where the whole interval is above the limit and passes
where none of it is; so noise alone rolls nothing back, and what is as fast as before never fails.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from edgefuse.store.terms import Gates

Band = Literal["cool", "warm", "hot", "critical"]
Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Circumstances: TypeAlias = tuple[Band, int, str]
"""Band, point and effect: only what was measured under the same ones is compared."""

DOUBT = 0.005
"""Chance that the true median lies above the interval, and as much that it lies below."""
GROWTH_LIMIT_MB_PER_MIN = 4.0
"""Of memory, beyond the growth before: so a board with 500 MB to spare lasts two hours, and minutes can show it."""
GROWTH_FLOOR_MB = 8.0
"""What a process may take once, as it warms up, without growing."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How a release did on this unit, in one band, at one point, with one effect: only such are ever compared."""

    band: Band
    point: int
    effect: str = ""
    frame_ms: tuple[float, ...] = ()
    """Median time of a frame from find to sink, by block."""
    p95_ms: tuple[float, ...] = ()
    """The time that 95 % of the frames kept, by block."""
    memory_mb: tuple[float, ...] = ()
    """Resident memory of the worker at the end of each block."""
    block_s: float = 1.0
    rate_hz: float = 0.0
    """Frames delivered a second."""
    source_hz: float = 0.0
    """Frames that the source gave a second."""

    @property
    def circumstances(self) -> Circumstances:
        """Say under which they were measured."""
        return self.band, self.point, self.effect


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one gate found."""

    gate: str
    verdict: Verdict
    text: str
    """For a person: what was measured against what."""
    value: float | None = None
    """What was measured, where something was."""


def judge(
    gates: Gates,
    new: Figures,
    old: Figures | None,
    *,
    parity: float | None = None,
    is_parity_sure: bool = True,
    is_paired: bool = False,
    is_same_point: bool = True,
) -> tuple[Finding, ...]:
    """Hold a release against the one before.

    Args:
        gates: The release's own.
        new: Of the release on trial.
        old: Of the release before; where it was never measured in this band and at this point, nobody can tell.
        parity: Share of the faces of the release before that were found too; nothing where none were to be found.
        is_parity_sure: Else too few faces were to be found to say that it is too low.
        is_paired: Blocks of the same index are of the same frames.
        is_same_point: Else the release does other work there, as its publisher wants it, and only its own gates tell
            whether that is too slow.
    """
    if old is not None and old.circumstances != new.circumstances:
        old = None
    return (
        *(_judge_slowdown(gates, new, old, is_paired=is_paired) if is_same_point else ()),
        *_judge_p95(gates, new),
        *_judge_rate(gates, new),
        _judge_memory(new, old),
        *_judge_parity(gates, parity, is_sure=is_parity_sure),
    )


def find_verdict(findings: Sequence[Finding]) -> Verdict:
    """Give what all gates together say: one that fails decides, then one that cannot tell."""
    verdicts = {finding.verdict for finding in findings}
    if "FAIL" in verdicts:
        return "FAIL"
    return "PASS" if verdicts == {"PASS"} else "INCONCLUSIVE"


def find_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Give the interval that holds the true median but for twice ``DOUBT``; nothing where there are too few values.

    Source:
        Order statistics and the binomial distribution: Conover, Practical Nonparametric Statistics, 3.2.
    """
    count, outside, chance = len(values), 0, 0.0
    while outside < count:
        chance += math.comb(count, outside) / 2**count
        if chance > DOUBT:
            break
        outside += 1
    ordered = sorted(values)
    return (ordered[outside - 1], ordered[count - outside]) if outside else None


def _judge_slowdown(gates: Gates, new: Figures, old: Figures | None, *, is_paired: bool) -> tuple[Finding, ...]:
    return (
        _compare("slowdown", gates.slowdown_limit, new, old, is_paired=is_paired, name="frame_ms"),
        _compare("slowdown_p95", gates.slowdown_limit, new, old, is_paired=is_paired, name="p95_ms"),
    )


def _compare(
    gate: str, limit: float, new: Figures, old: Figures | None, *, is_paired: bool, name: Literal["frame_ms", "p95_ms"]
) -> Finding:
    place = f"in band {new.band} at point {new.point}"
    if old is None:
        return Finding(gate=gate, verdict="INCONCLUSIVE", text=f"the release before was never measured {place}")
    new_ms, old_ms = getattr(new, name), getattr(old, name)
    interval = _find_ratio(new_ms, old_ms, is_paired=is_paired)
    if interval is None:
        return Finding(gate=gate, verdict="INCONCLUSIVE", text="too few frames were measured")
    low, high = interval
    verdict: Verdict = "FAIL" if low > limit else "PASS" if high <= limit else "INCONCLUSIVE"
    ratio = statistics.median(new_ms) / statistics.median(old_ms)
    text = (
        f"{statistics.median(new_ms):.1f} ms against {statistics.median(old_ms):.1f} ms {place}: {low:.2f} to "
        f"{high:.2f} of it, {limit:g} allowed"
    )
    return Finding(gate=gate, verdict=verdict, text=text, value=ratio)


def _find_ratio(new: Sequence[float], old: Sequence[float], *, is_paired: bool) -> tuple[float, float] | None:
    """Give the interval of new to old."""
    if min((*new, *old), default=0.0) <= 0.0:
        return None
    if is_paired:
        return find_interval([a / b for a, b in zip(new, old, strict=False)])
    new_interval, old_interval = find_interval(new), find_interval(old)
    if new_interval is None or old_interval is None:
        return None
    return new_interval[0] / old_interval[1], new_interval[1] / old_interval[0]


def _judge_p95(gates: Gates, new: Figures) -> tuple[Finding, ...]:
    if gates.p95_ceiling_ms is None:
        return ()
    interval = find_interval(new.p95_ms)
    if interval is None:
        return (Finding(gate="p95", verdict="INCONCLUSIVE", text="too few frames were measured"),)
    low, high = interval
    verdict: Verdict = (
        "FAIL" if low > gates.p95_ceiling_ms else "PASS" if high <= gates.p95_ceiling_ms else "INCONCLUSIVE"
    )
    text = f"95 % of the frames took {low:.1f} to {high:.1f} ms, {gates.p95_ceiling_ms:g} ms are allowed"
    return (Finding(gate="p95", verdict=verdict, text=text, value=statistics.median(new.p95_ms)),)


def _judge_rate(gates: Gates, new: Figures) -> tuple[Finding, ...]:
    """A source that gives fewer frames than the floor lowers it."""
    if gates.rate_floor_hz == 0.0:
        return ()
    floor_hz = min(gates.rate_floor_hz, 0.95 * new.source_hz)  # frames are counted at both ends within a short time
    text = f"{new.rate_hz:.1f} of {new.source_hz:.1f} frames a second, {gates.rate_floor_hz:g} must be"
    return (Finding(gate="rate", verdict="PASS" if new.rate_hz >= floor_hz else "FAIL", text=text, value=new.rate_hz),)


def _judge_memory(new: Figures, old: Figures | None) -> Finding:
    grown = _find_growth(new)
    if grown is None:
        return Finding(gate="memory", verdict="INCONCLUSIVE", text="memory was measured too seldom")
    before = max(0.0, (_find_growth(old) if old is not None else None) or 0.0)
    has_grown = max(new.memory_mb) - new.memory_mb[0] >= GROWTH_FLOOR_MB
    verdict: Verdict = "FAIL" if has_grown and grown - before > GROWTH_LIMIT_MB_PER_MIN else "PASS"
    text = f"{grown:+.1f} MB a minute against {before:+.1f}, {GROWTH_LIMIT_MB_PER_MIN:g} more are allowed"
    return Finding(gate="memory", verdict=verdict, text=text, value=grown)


def _find_growth(figures: Figures) -> float | None:
    """Give MB a minute: the median of the slopes of all pairs, which no single jump moves (Theil and Sen)."""
    if find_interval(figures.memory_mb) is None:
        return None
    points = list(enumerate(figures.memory_mb))
    slopes = [(b - a) / ((j - i) * figures.block_s) for (i, a), (j, b) in itertools.combinations(points, 2)]
    return 60.0 * statistics.median(slopes)


def _judge_parity(gates: Gates, parity: float | None, *, is_sure: bool) -> tuple[Finding, ...]:
    if parity is None:
        return ()
    verdict: Verdict = "PASS" if parity >= gates.parity_floor else "FAIL" if is_sure else "INCONCLUSIVE"
    text = f"{parity:.0%} of the faces that the release before found, {gates.parity_floor:.0%} must be"
    return (Finding(gate="parity", verdict=verdict, text=text, value=parity),)
