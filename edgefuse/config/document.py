"""YAML text into nodes that know their line and column, with everything left out that a person's file does not need.

Aliases, tags, deep nesting and large files are refused: they are how a small file becomes a large one (or code).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any  # a mark: the stubs know two unrelated classes of that name

import yaml
from yaml.composer import Composer

from edgefuse.errors import ConfigError

MAX_BYTES = 131_072  # PyYAML takes up to 1 s for this much, and a profile has 2,500
MAX_DEPTH = 32  # shipped files nest seven levels


def read_text(path: Path) -> str:
    """Read a file that should be UTF-8 text of a sensible size.

    Raises:
        ConfigError: It cannot be read, is larger than ``MAX_BYTES`` or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as e:
        raise ConfigError(f"cannot load {show_path(path)}: {(e.strerror or str(e)).lower()}") from e
    if len(data) > MAX_BYTES:
        raise ConfigError(f"cannot load {show_path(path)}: larger than {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise ConfigError(f"cannot load {show_path(path)}: line {line} is not UTF-8 text") from e


def compose(text: str, name: str) -> yaml.Node:
    """Turn text into nodes; ``name`` stands for the file in error lines.

    Raises:
        ConfigError: The text is not YAML, is empty, or uses what is left out here.
    """
    try:
        root = _compose(text)
    except yaml.MarkedYAMLError as e:
        where = _place(name, e.problem_mark or e.context_mark)
        reason = (e.problem or str(e)).removeprefix("but ")
        raise ConfigError(f"{where}: {e.context}: {reason}" if e.context else f"{where}: {reason}") from e
    except yaml.reader.ReaderError as e:
        line = text.count("\n", 0, e.position) + 1
        column = e.position - text.rfind("\n", 0, e.position)
        raise ConfigError(f"{name}:{line}:{column}: character {ord(text[e.position]):#x} is not allowed") from e
    except (ValueError, OverflowError) as e:  # PyYAML lets chr() fail on "\UFFFFFFFF"
        raise ConfigError(f"{name}: cannot read an escape sequence: {e}") from e
    if root is None:
        raise ConfigError(f"{name}:1:1: the file is empty")
    return root


def show_path(path: Path) -> str:
    """Give a path as the user would type it: relative where it lies below the working folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _compose(text: str) -> yaml.Node | None:
    """Compose by libyaml where it is there, in a seventh of the time; its words for mistakes are other ones."""
    if yaml.__with_libyaml__:
        with suppress(yaml.YAMLError, ValueError, OverflowError):
            return yaml.compose(text, Loader=_FastLoader)
    return yaml.compose(text, Loader=_PlainLoader)


class _PlainComposer(Composer):
    """Composes scalars, lists and mappings only, up to a depth."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[attr-defined]
        if isinstance(event, yaml.AliasEvent):
            _refuse("aliases are not read here; write the value out", event.start_mark)
        if event.tag not in (None, "!"):
            _refuse("tags are not read here; leave it out", event.start_mark)
        if self.depth == MAX_DEPTH:
            _refuse(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _PlainLoader(_PlainComposer, yaml.SafeLoader):
    """Reads by Python."""


if yaml.__with_libyaml__:

    class _FastLoader(_PlainComposer, yaml.CSafeLoader):
        """Reads by libyaml, and composes by Python, which can refuse."""

        def __init__(self, stream: str) -> None:
            yaml.CSafeLoader.__init__(self, stream)
            Composer.__init__(self)


def _refuse(reason: str, mark: Any) -> None:
    raise yaml.composer.ComposerError(None, None, reason, mark)


def _place(name: str, mark: Any) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
