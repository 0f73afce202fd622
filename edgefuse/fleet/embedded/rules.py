"""Who may read and write what, as the site's file ``acl`` says, which mosquitto reads too; what denies wins.

Source: mosquitto.conf(5), acl_file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edgefuse.errors import ConfigError

Access = Literal["read", "write"]

_ACCESSES = {
    "read": frozenset({"read"}),
    "write": frozenset({"write"}),
    "readwrite": frozenset({"read", "write"}),
    "deny": frozenset[str](),
}
"""What each word of the file allows."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the file."""

    accesses: frozenset[str]
    """Nothing where the line denies."""
    levels: tuple[str, ...]
    user: str | None
    """Nothing where the line is for everybody, with the user's name in place of ``%u``."""


class Rules:
    """All lines of the file."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._of_user: dict[str, tuple[Rule, ...]] = {}

    def may(self, user: str, access: Access, topic: str) -> bool:
        """Tell whether a user may do that to a topic."""
        levels = topic.split("/")
        matching = [rule for rule in self._find(user) if matches(rule.levels, levels)]
        return all(rule.accesses for rule in matching) and any(access in rule.accesses for rule in matching)

    def _find(self, user: str) -> tuple[Rule, ...]:
        if user not in self._of_user:
            self._of_user[user] = tuple(self._resolve(user))
        return self._of_user[user]

    def _resolve(self, user: str) -> Iterator[Rule]:
        for rule in self._rules:
            if rule.user is None:
                yield Rule(rule.accesses, tuple(level.replace("%u", user) for level in rule.levels), user)
            elif rule.user == user:
                yield rule


def parse_rules(text: str) -> Rules:
    """Read the file.

    Raises:
        ConfigError: A line is none of those that ``edgefuse fleet`` writes.
    """
    user: str | None = None
    rules: list[Rule] = []
    for number, line in enumerate(text.splitlines(), 1):
        match line.split():
            case [] | ["#", *_]:
                pass
            case ["user", name]:
                user = name
            case ["pattern" | "topic" as kind, access, topic] if access in _ACCESSES and (kind == "pattern" or user):
                rules.append(Rule(_ACCESSES[access], tuple(topic.split("/")), user if kind == "topic" else None))
            case _:
                raise ConfigError(f"cannot read the broker's rules: acl:{number}: '{line}' is no rule")
    return Rules(tuple(rules))


def matches(pattern: tuple[str, ...], levels: list[str]) -> bool:
    """Tell whether a topic is one of those that a filter with ``+`` and ``#`` means."""
    for at, level in enumerate(pattern):
        if level == "#":
            return True
        if at >= len(levels) or level not in ("+", levels[at]):
            return False
    return len(pattern) == len(levels)
