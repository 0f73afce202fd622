"""Read YAML that people write into frozen structs, with every mistake named at its line and column.

All mistakes of a file are reported at once, as ``file:line:column: key: reason``.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import yaml
from msgspec import inspect

from edgefuse.config import document
from edgefuse.config.reader import Reader, guess, show
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


def parse_settings(settings: Mapping[str, str], kind: type[T], name: str) -> T:
    """Turn single values, YAML text by key, into a struct; ``name`` stands before each key in error lines.

    Raises:
        ConfigError: A key is unknown, or a value is not YAML or does not fit; one line a mistake.
    """
    fields = {field.encode_name: field for field in _fields(kind)}
    values: dict[str, object] = {}
    mistakes: list[str] = []
    for key, text in settings.items():
        reader = Reader(name)
        if key in fields:
            values[key] = reader.read(document.compose(text or '""', name + key), fields[key].type, ())
        else:
            mistakes.append(f"{name}{key}: unknown key{guess(key, fields)}")
        mistakes += [f"{name}{key}: {reason}" for _, _, reason in reader.mistakes]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as e:  # a rule between keys, or a key that is missing
        raise ConfigError(f"{name}{next(iter(settings), '')}: {e}") from e


def _fields(kind: type) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType), "settings are structs"
    return info.fields


def _convert(root: yaml.Node, kind: type[T], name: str) -> T:
    reader = Reader(name)
    value = reader.read(root, inspect.type_info(kind), ())
    if reader.mistakes:
        raise ConfigError(reader.report())
    return msgspec.convert(value, kind)
