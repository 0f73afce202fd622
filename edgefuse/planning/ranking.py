"""Which of several candidates for one task is better, and why, in words."""

from __future__ import annotations

from collections.abc import Iterable

from edgefuse.planning.candidate import Candidate

_Key = tuple[bool, bool, int, int, bool, str, str]
_WORDS = (
    "its licence allows commercial use",
    "its model is not optional",
    "its runtime stands earlier in the profile",
    "its precision stands earlier in the profile",
    "it is an original, not a conversion",
    "alike, and first by name",
    "alike, and first by name",
)
"""What it means to win by each item of a key."""


def rank(candidates: Iterable[Candidate], size_px: int) -> list[Candidate]:
    """Order candidates from best to worst for one input size.

    Nearest size first. Then the model by what the profile expects: speed never trades one model for another, whose
    results differ. Among the variants of one model measured speed decides, and what was measured beats what was not.
    """
    candidates = list(candidates)
    expected: dict[tuple[int, str], _Key] = {}
    for candidate in candidates:
        group = (candidate.variant.size_px, candidate.manifest.id)
        expected[group] = min(_expected(candidate), expected.get(group, _expected(candidate)))

    def order(candidate: Candidate) -> tuple[int, int, _Key, float, _Key]:
        own_px = candidate.variant.size_px
        group = (own_px, candidate.manifest.id)
        return abs(own_px - size_px), own_px, expected[group], _p50_ms(candidate), _expected(candidate)

    return sorted(candidates, key=order)


def describe_choice(winner: Candidate, others: Iterable[Candidate], size_px: int) -> str:
    """Say why a candidate was chosen for an input size over those that rank behind it."""
    rivals = [c for c in others if c.variant.size_px == winner.variant.size_px]
    if not rivals:
        why = "the only one that can run here"
    elif winner.measurement:
        why = f"fastest of {1 + sum(c.measurement is not None for c in rivals)} measured"
    else:
        why = _why_expected(winner, rivals[0])
    if winner.manifest.task == "detect_faces" and winner.variant.size_px != size_px:
        why = f"nearest to {size_px} px that can run here; {why}"
    licence = winner.manifest.licence
    if not licence.allows_commercial_use:
        why += f"; not for commercial use ({licence.note or licence.id})"
    return why


def describe_rival(winner: Candidate, loser: Candidate) -> str:
    """Say why ``loser`` ranks behind ``winner``."""
    name = winner.place if winner.manifest is loser.manifest else f"{winner.manifest.id} {winner.place}"
    if winner.manifest is not loser.manifest or not winner.measurement:
        return f"{name} is better: {_why_expected(winner, loser)}"
    if not loser.measurement:
        return f"{name} is better: it was measured here, this was not (edgefuse tune)"
    return f"{name} is better: {winner.measurement.p50_ms:.2f} ms against {loser.measurement.p50_ms:.2f} ms"


def _expected(candidate: Candidate) -> _Key:
    """Give what the profile and the manifest say about it; smaller is better."""
    return (
        not candidate.manifest.licence.allows_commercial_use,
        candidate.manifest.is_optional,
        candidate.rule_index,
        candidate.rule.precisions.index(candidate.variant.precision),
        candidate.variant.files[0].source.kind == "converted_from",
        candidate.manifest.id,
        candidate.variant.id,
    )


def _why_expected(winner: Candidate, loser: Candidate) -> str:
    winner_key, loser_key = _expected(winner), _expected(loser)
    first = next(i for i in range(len(_WORDS)) if winner_key[i] != loser_key[i])
    # Only where a slower-looking variant of its model was measured as the faster one does the winner look worse.
    return _WORDS[first] if winner_key < loser_key else "another variant of its model is expected to be better"


def _p50_ms(candidate: Candidate) -> float:
    return candidate.measurement.p50_ms if candidate.measurement else float("inf")
