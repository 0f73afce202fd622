"""What stands in the way of a candidate, before it is compared with any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgefuse.config.host import Host, RuntimeFact
from edgefuse.config.manifest import Manifest, Variant
from edgefuse.config.profile import RuntimeRule
from edgefuse.planning.candidate import Candidate
from edgefuse.store.state import State
from edgefuse.store.terms import numbers

# A default donor that is nobody's face is worth more than a free licence; the choice names the licence.
_TASKS_FOR_TRIAL = frozenset({"make_person"})

TOO_MANY_CRASHES = 3
"""One may be anybody's fault; three while the same model ran are its own."""


def find_obstacle(candidate: Candidate, host: Host, state: State, absent: Mapping[str, str]) -> str:
    """Say why a candidate cannot run here; empty where it can.

    Args:
        absent: Why files that are not on this unit cannot be had, by sha256.
    """
    return next(filter(None, _obstacles(candidate, host, state, absent)), "")


def _obstacles(candidate: Candidate, host: Host, state: State, absent: Mapping[str, str]) -> Iterator[str]:
    """Give one text a rule, empty where the rule is met; what nobody can mend on this unit comes first."""
    variant, rule = candidate.variant, candidate.rule
    yield _licence_obstacle(candidate.manifest)
    yield _precision_obstacle(variant, rule)
    yield _shape_obstacle(variant, rule)
    yield _opset_obstacle(variant, rule)
    yield _runtime_obstacle(variant, rule, host)
    yield _version_obstacle(variant, rule, host)
    yield _file_obstacle(variant, absent)
    yield _check_obstacle(candidate, state)
    yield _crash_obstacle(candidate, state)


def _licence_obstacle(manifest: Manifest) -> str:
    if manifest.licence.allows_commercial_use or manifest.is_optional or manifest.task in _TASKS_FOR_TRIAL:
        return ""
    return (
        f"not for commercial use: {manifest.licence.note or manifest.licence.id} "
        f"(to use it all the same: `is_optional: true` in its manifest)"
    )


def _precision_obstacle(variant: Variant, rule: RuntimeRule) -> str:
    if variant.precision in rule.precisions:
        return ""
    return f"the profile allows {', '.join(rule.precisions)} there, this is {variant.precision}"


def _shape_obstacle(variant: Variant, rule: RuntimeRule) -> str:
    return "needs static shapes there" if rule.needs_static_shapes and not variant.has_static_shapes else ""


def _opset_obstacle(variant: Variant, rule: RuntimeRule) -> str:
    if variant.format != "onnx" or rule.max_opset is None:
        return ""
    if variant.opset is None:
        return f"its opset is unknown, opset {rule.max_opset} is the newest that can be read there"
    return f"has opset {variant.opset}, {rule.max_opset} is the newest there" if variant.opset > rule.max_opset else ""


def _runtime_obstacle(variant: Variant, rule: RuntimeRule, host: Host) -> str:
    fact = host.runtime(rule.id)
    if fact is None:
        return "nothing is known of this runtime here (edgefuse doctor)"
    if not fact.is_usable:
        return fact.reason or "runtime is not usable"
    if variant.format not in fact.formats:
        return f"runtime does not read {variant.format}"
    if rule.target not in fact.targets:
        why = f" ({fact.reason})" if fact.reason else ""
        return f"there is no target {rule.target} here, only {', '.join(fact.targets)}{why}"
    return ""


def find_version_obstacle(variant: Variant, fact: RuntimeFact) -> str:
    """Say why a runtime is too old for a variant; empty where it is not."""
    oldest = variant.needs.get(fact.id)
    if oldest is None or numbers(fact.version) >= numbers(oldest):
        return ""
    return f"needs {fact.id} {oldest} or newer, {fact.version or 'an unknown version'} is here"


def _version_obstacle(variant: Variant, rule: RuntimeRule, host: Host) -> str:
    fact = host.runtime(rule.id)
    return "" if fact is None else find_version_obstacle(variant, fact)


def _file_obstacle(variant: Variant, absent: Mapping[str, str]) -> str:
    return next((absent[file.sha256] for file in variant.files if file.sha256 in absent), "")


def _check_obstacle(candidate: Candidate, state: State) -> str:
    failure = state.failure(candidate.setup)
    return f"failed its golden check here: {failure}" if failure else ""


def _crash_obstacle(candidate: Candidate, state: State) -> str:
    crash = state.crash(candidate.setup)
    if crash is None or crash.count < TOO_MANY_CRASHES:
        return ""
    return f"crashed the worker here {crash.count} times ({crash.how})"
