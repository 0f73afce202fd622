"""Read YAML that people write into frozen structs, with every mistake named at its line and column.

All mistakes of a file are reported at once, as ``file:line:column: key: reason``.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import yaml
from msgspec import inspect

from edgefuse.config import document
from edgefuse.config.reader import Reader, show
from edgefuse.errors import ConfigError

T = TypeVar("T")


class Identified(Protocol):
    """A struct whose file is named after it."""

    @property
    def id(self) -> str:
        """Name of the file without ``.yaml``."""
        ...


I = TypeVar("I", bound=Identified)  # noqa: E741


def load_folder(folder: Path, kind: type[I], skip: Container[str] = ()) -> dict[str, I]:
    """Load every ``<id>.yaml`` of a folder, sorted by id; files whose id is in ``skip`` are not opened.

    Raises:
        ConfigError: Files do not fit or bear another name than their id; one line a mistake, of all files.
    """
    loaded: dict[str, I] = {}
    mistakes: list[str] = []
    for path in sorted(folder.glob("*.yaml"), key=lambda p: p.stem):
        if path.stem in skip:
            continue
        try:
            loaded[path.stem] = load_file(path, kind)
        except ConfigError as e:
            mistakes.append(str(e))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return loaded


def load_file(path: Path, kind: type[I]) -> I:
    """Load one file that is named after its id.

    Raises:
        ConfigError: The file cannot be read, does not fit or bears another name; one line a mistake.
    """
    name = document.show_path(path)
    root = document.compose(document.read_text(path), name)
    value = _convert(root, kind, name)
    if value.id != path.stem:
        reader = Reader(name)
        node = next(child for key, child in root.value if key.value == "id")
        reader.blame(node, ("id",), f"expected `{path.stem}` as in the file's name, got {show(node)}")
        raise ConfigError(reader.report())
    return value


def parse(text: str, kind: type[T], name: str) -> T:
    """Turn YAML text into a struct; ``name`` stands for the file in error lines.

    Raises:
        ConfigError: The text is not YAML or does not fit; one line a mistake.
    """
    return _convert(document.compose(text, name), kind, name)


def _convert(root: yaml.Node, kind: type[T], name: str) -> T:
    reader = Reader(name)
    value = reader.read(root, inspect.type_info(kind), ())
    if reader.mistakes:
        raise ConfigError(reader.report())
    return msgspec.convert(value, kind)
