"""Labels, which an operator gives devices to find them by, and selectors, which name devices by their labels.

They are the operator's own records: no device knows its labels, and none can change them.

Source:
    Syntax and meaning as in Kubernetes, equality-based:
    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgefuse.errors import ConfigError
from edgefuse.fleet.site import Register, changing, save_register

_KEY = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?"
_SETTING = re.compile(rf"(?P<key>{_KEY})=(?P<value>{_VALUE})")
_REMOVAL = re.compile(rf"(?P<key>{_KEY})-")
_COMPARISON = re.compile(rf"(?P<key>{_KEY})\s*(?P<sign>!=|==?)\s*(?P<value>{_VALUE})")
_EXISTENCE = re.compile(rf"(?P<sign>!?)\s*(?P<key>{_KEY})")
_PART = rf"\s*(?:{_KEY}\s*(?:!=|==?)\s*{_VALUE}|!?\s*{_KEY})\s*"
SELECTOR_PATTERN = rf"^{_PART}(?:,{_PART})*\Z"
"""What ``parse_selector`` reads, for whoever checks it before."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a device's labels."""

    key: str
    value: str | None
    """Nothing where any value will do."""
    is_negated: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Hold it against labels; a label that is not there has no value, so ``!=`` is true of it."""
        is_so = self.key in labels if self.value is None else labels.get(self.key) == self.value
        return is_so is not self.is_negated


@dataclass(frozen=True, slots=True)
class Selector:
    """Names the devices whose labels meet every requirement; without any it names all."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a device with these labels is meant."""
        return all(requirement.holds(labels) for requirement in self.requirements)


ALL = Selector()


class NobodyError(ConfigError):
    """No device is meant by a selector."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("cannot find a device with such labels; edgefuse fleet list -o wide shows those there are")


def parse_selector(text: str) -> Selector:
    """Read ``site=north,floor!=2,camera,!spare``.

    Raises:
        ConfigError: It is none.
    """
    return Selector(tuple(_parse_requirement(part.strip(), text) for part in text.split(",")))


def _parse_requirement(part: str, text: str) -> Requirement:
    if found := _COMPARISON.fullmatch(part):
        return Requirement(found["key"], found["value"], is_negated=found["sign"] == "!=")
    if found := _EXISTENCE.fullmatch(part):
        return Requirement(found["key"], None, is_negated=bool(found["sign"]))
    raise ConfigError(
        f"cannot select by '{text}': '{part}' is none of KEY=VALUE, KEY!=VALUE, KEY, !KEY; "
        "put the whole in quotes for the shell"
    )


def parse_labels(words: Sequence[str]) -> Mapping[str, str]:
    """Read ``KEY=VALUE`` words; of one key the last counts.

    Raises:
        ConfigError: One of them is none.
    """
    return {found["key"]: found["value"] for found in (_match(_SETTING, word) for word in words)}


def relabel(folder: Path, device: str, words: Sequence[str]) -> Mapping[str, str]:
    """Give a device labels by ``KEY=VALUE``, take some away by ``KEY-``, and tell all that it has then.

    Raises:
        ConfigError: A word is neither, or one key is both given and taken away.
        EdgefuseError: The device is not enrolled.
    """
    removed = {found["key"] for word in words if (found := _REMOVAL.fullmatch(word))}
    given = parse_labels([word for word in words if not _REMOVAL.fullmatch(word)])
    if both := removed & given.keys():
        raise ConfigError(f"cannot label '{device}': {min(both)} is both given and taken away")
    with changing(folder) as register:
        member = register.find(device)
        kept = {key: value for key, value in member.labels.items() if key not in removed}
        labelled = msgspec.structs.replace(member, labels=dict(sorted({**kept, **given}.items())))
        save_register(folder, msgspec.structs.replace(register, members={**register.members, device: labelled}))
    return labelled.labels


def select(register: Register, selector: Selector) -> list[str]:
    """Give the devices that are meant and trusted, by name.

    Raises:
        NobodyError: There is none.
    """
    members = register.members.items()
    found = sorted(name for name, member in members if not member.is_revoked and selector.matches(member.labels))
    if not found:
        raise NobodyError
    return found


def show_labels(labels: Mapping[str, str]) -> str:
    """Give labels as a selector would name them."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _match(form: re.Pattern[str], word: str) -> re.Match[str]:
    found = form.fullmatch(word)
    if found is None:
        raise ConfigError(
            f"cannot label by '{word}': expected KEY=VALUE (or KEY- to take one away), "
            "each of letters, digits, - _ and ., 63 characters at most"
        )
    return found
