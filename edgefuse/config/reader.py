"""Walk YAML nodes beside the type that they should have; ``loader`` is the way in."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any  # Any: a value between YAML and its struct, not yet checked

import msgspec
import yaml
from msgspec import inspect

_WORDS: dict[type, str] = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
}
_LONGEST_SHOWN = 60  # characters of a value that an error line quotes


@dataclass
class Reader:
    """Collects what does not fit."""

    name: str
    mistakes: list[tuple[int, int, str]] = field(default_factory=list)
    """Line and column, counted from 0, and the text."""

    def report(self) -> str:
        """Give one line a mistake, in the order of the file."""
        ordered = sorted(self.mistakes, key=lambda m: m[:2])
        return "\n".join(f"{self.name}:{line + 1}:{column + 1}: {text}" for line, column, text in ordered)

    def blame(self, node: yaml.Node, keys: tuple[str, ...], reason: str) -> None:
        """Note one mistake at the place of a node."""
        prefix = f"{'.'.join(map(_brief, keys))}: " if keys else ""
        self.mistakes.append((node.start_mark.line, node.start_mark.column, prefix + reason))

    def read(self, node: yaml.Node, kind: inspect.Type, keys: tuple[str, ...]) -> Any:
        """Give what the node says; worth nothing once there are mistakes."""
        if isinstance(kind, inspect.UnionType):
            return self._read_optional(node, kind, keys)
        if isinstance(kind, inspect.StructType):
            return self._read_struct(node, kind, keys)
        if isinstance(kind, inspect.DictType):
            return self._read_dict(node, kind, keys)
        if isinstance(kind, (inspect.VarTupleType, inspect.ListType, inspect.TupleType)):
            return self._read_list(node, kind, keys)
        return self._read_scalar(node, kind, keys)

    def _read_optional(self, node: yaml.Node, kind: inspect.UnionType, keys: tuple[str, ...]) -> Any:
        """Read ``X | None``, the only union that the structs of YAML have."""
        (member,) = (t for t in kind.types if not isinstance(t, inspect.NoneType))
        return None if _is_null(node) else self.read(node, member, keys)

    def _read_struct(self, node: yaml.Node, kind: inspect.StructType, keys: tuple[str, ...]) -> Any:
        mistakes_before = len(self.mistakes)
        fields = {f.encode_name: f for f in kind.fields}
        value: dict[str, Any] = {}
        for key_node, child in self._pairs(node, keys):
            key = key_node.value
            if key in fields:
                value[key] = self.read(child, fields[key].type, (*keys, key))
            else:
                self.blame(key_node, keys, f"unknown key `{_brief(key)}`{guess(key, fields)}")
        missing = [f"`{key}`" for key, f in fields.items() if f.required and key not in value]
        if missing and isinstance(node, yaml.MappingNode):
            self.blame(node, keys, f"missing {', '.join(missing)}")
        if len(self.mistakes) > mistakes_before:
            return None
        try:
            return msgspec.convert(value, kind.cls)
        except msgspec.ValidationError as e:  # a rule between keys, from the struct's __post_init__
            self.blame(node, keys, str(e))
            return None

    def _read_dict(self, node: yaml.Node, kind: inspect.DictType, keys: tuple[str, ...]) -> Any:
        value = {
            self.read(key_node, kind.key_type, keys): self.read(child, kind.value_type, (*keys, key_node.value))
            for key_node, child in self._pairs(node, keys)
        }
        if isinstance(node, yaml.MappingNode):
            self._check_length(node, kind, len(value), keys, "value")
        return value

    def _pairs(self, node: yaml.Node, keys: tuple[str, ...]) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        """Give the keys and values of a mapping; keys that are not plain words or stand twice are left out."""
        if not isinstance(node, yaml.MappingNode):
            self.blame(node, keys, f"expected keys and values, got {show(node)}")
            return
        seen: set[str] = set()
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.blame(key_node, keys, f"expected a key, got {show(key_node)}")
            elif key_node.value in seen:
                self.blame(key_node, keys, f"key `{_brief(key_node.value)}` stands here twice")
            else:
                seen.add(key_node.value)
                yield key_node, child

    def _read_list(
        self,
        node: yaml.Node,
        kind: inspect.VarTupleType | inspect.ListType | inspect.TupleType,
        keys: tuple[str, ...],
    ) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            self.blame(node, keys, f"expected a list, got {show(node)}")
            return None
        length = len(node.value)
        if isinstance(kind, inspect.TupleType):
            item_types: Iterable[inspect.Type] = kind.item_types
            if length != len(kind.item_types):
                self.blame(node, keys, f"expected {len(kind.item_types)} values, got {length}")
        else:
            item_types = (kind.item_type,) * length
            self._check_length(node, kind, length, keys, "value")
        return [
            self.read(child, item_type, (*keys, str(i)))
            for i, (child, item_type) in enumerate(zip(node.value, item_types, strict=False))
        ]

    def _read_scalar(self, node: yaml.Node, kind: inspect.Type, keys: tuple[str, ...]) -> Any:
        try:
            value = _understand(node, kind)
        except ValueError:
            hint = guess(node.value, kind.values) if isinstance(kind, inspect.LiteralType) else ""
            self.blame(node, keys, f"expected {_describe(kind)}, got {show(node)}{hint}")
            return None
        if isinstance(kind, (inspect.IntType, inspect.FloatType)):
            self._check_bounds(node, kind, value, keys)
        elif isinstance(kind, inspect.StrType):
            self._check_length(node, kind, len(value), keys, "character")
            if kind.pattern is not None and not re.search(kind.pattern, value):
                self.blame(node, keys, f"must look like {kind.pattern}, got {show(node)}")
        return value

    def _check_bounds(
        self, node: yaml.Node, kind: inspect.IntType | inspect.FloatType, value: float, keys: tuple[str, ...]
    ) -> None:
        bounds = (
            ("at least", kind.ge, operator.ge),
            ("above", kind.gt, operator.gt),
            ("at most", kind.le, operator.le),
            ("below", kind.lt, operator.lt),
        )
        for word, limit, holds in bounds:
            if limit is not None and not holds(value, limit):
                self.blame(node, keys, f"must be {word} {limit}, got {show(node)}")

    def _check_length(
        self,
        node: yaml.Node,
        kind: inspect.StrType | inspect.VarTupleType | inspect.ListType | inspect.DictType,
        length: int,
        keys: tuple[str, ...],
        unit: str,
    ) -> None:
        if kind.min_length is not None and length < kind.min_length:
            self.blame(node, keys, f"expected at least {_count(kind.min_length, unit)}, got {length}")
        if kind.max_length is not None and length > kind.max_length:
            self.blame(node, keys, f"expected at most {_count(kind.max_length, unit)}, got {length}")


def _understand(node: yaml.Node, kind: inspect.Type) -> Any:
    """Read a scalar as the kind that is asked for, so that a version such as 1.10 stays text and 1e-4 is a number.

    Raises:
        ValueError: It does not read as that kind.
    """
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError
    text: str = node.value
    if isinstance(kind, inspect.LiteralType):
        return _pick(text, {str(v): v for v in kind.values})
    if isinstance(kind, inspect.StrType):
        text.encode()  # refuses the halves of surrogate pairs that "\ud800" makes
        return _pick(text, {} if _is_null(node) else {text: text})
    if node.style:  # libyaml gives an empty one where Python gives none
        raise ValueError  # quotes make it text
    if isinstance(kind, inspect.BoolType):
        return _pick(text, {"true": True, "false": False})
    if isinstance(kind, inspect.IntType):
        return int(text)
    if not math.isfinite(number := float(text)):
        raise ValueError
    return number


def _pick(text: str, choices: dict[str, Any]) -> Any:
    if text not in choices:
        raise ValueError
    return choices[text]


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def show(node: yaml.Node) -> str:
    """Name what stands at a node, for an error line."""
    if not isinstance(node, yaml.ScalarNode):
        return "a list" if isinstance(node, yaml.SequenceNode) else "keys and values"
    if _is_null(node):
        return f'nothing; as text it is written "{node.value}"' if node.value else "nothing"
    is_text = node.tag == "tag:yaml.org,2002:str"
    return f'"{_brief(node.value)}"' if is_text else _brief(node.value)


def _brief(text: str) -> str:
    """Keep a quoted value on one short line."""
    shown = repr(text)[1:-1]
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def _describe(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.LiteralType):
        return f"one of {', '.join(str(v) for v in kind.values)}"
    return _WORDS[type(kind)]


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def guess(word: str, known: Iterable[Any]) -> str:
    near = difflib.get_close_matches(word[:_LONGEST_SHOWN], [str(k) for k in known], n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""
