"""Read YAML that people write into frozen structs, with every mistake named at its line and column.

All mistakes of a file are reported at once, as ``file:line:column: key: reason``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar  # Any: a value between YAML and its struct, not yet checked

import msgspec
import yaml

from edgefuse.errors import ConfigError

T = TypeVar("T")

_SCALARS: dict[type, tuple[str, tuple[type, ...]]] = {
    msgspec.inspect.StrType: ("text", (str,)),
    msgspec.inspect.IntType: ("a whole number", (int,)),
    msgspec.inspect.FloatType: ("a number", (int, float)),
    msgspec.inspect.BoolType: ("true or false", (bool,)),
    msgspec.inspect.NoneType: ("nothing", (type(None),)),
}


def load(path: Path, kind: type[T]) -> T:
    """Read a YAML file into a struct of type ``kind``.

    Raises:
        ConfigError: The file cannot be read or does not fit; one line a mistake.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot load {path}: {reason}") from e
    return parse(text, kind, name=str(path))


def parse(text: str, kind: type[T], name: str) -> T:
    """Turn YAML text into a struct; ``name`` stands for the file in error lines.

    Raises:
        ConfigError: The text is not YAML or does not fit; one line a mistake.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError(f"{where}: {e.problem}") from e
    if root is None:
        raise ConfigError(f"{name}:1:1: the file is empty")
    reader = _Reader(name)
    value = reader.read(root, msgspec.inspect.type_info(kind), ())
    if reader.mistakes:
        raise ConfigError("\n".join(reader.mistakes))
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as e:
        raise ConfigError(f"{name}: {e}") from e


@dataclass
class _Reader:
    """Walks YAML nodes beside the type that they should have, and collects what does not fit."""

    name: str
    mistakes: list[str] = field(default_factory=list)

    def read(self, node: yaml.Node, kind: msgspec.inspect.Type, keys: tuple[str, ...]) -> Any:
        if isinstance(kind, msgspec.inspect.UnionType):
            return self._read_union(node, kind, keys)
        if isinstance(kind, msgspec.inspect.StructType):
            return self._read_struct(node, kind, keys)
        if isinstance(kind, msgspec.inspect.DictType):
            return self._read_dict(node, kind, keys)
        if isinstance(kind, (msgspec.inspect.VarTupleType, msgspec.inspect.ListType)):
            return self._read_list(node, kind.item_type, None, keys)
        if isinstance(kind, msgspec.inspect.TupleType):
            return self._read_list(node, None, kind.item_types, keys)
        return self._read_scalar(node, kind, keys)

    def _blame(self, node: yaml.Node, keys: tuple[str, ...], reason: str) -> None:
        mark = node.start_mark
        key = f"{'.'.join(keys)}: " if keys else ""
        self.mistakes.append(f"{self.name}:{mark.line + 1}:{mark.column + 1}: {key}{reason}")

    def _read_union(self, node: yaml.Node, kind: msgspec.inspect.UnionType, keys: tuple[str, ...]) -> Any:
        """Accept nothing where nothing is allowed; otherwise the one other member decides."""
        if _is_null(node) and any(isinstance(t, msgspec.inspect.NoneType) for t in kind.types):
            return None
        member = next(t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType))
        return self.read(node, member, keys)

    def _read_struct(self, node: yaml.Node, kind: msgspec.inspect.StructType, keys: tuple[str, ...]) -> Any:
        if not isinstance(node, yaml.MappingNode):
            self._blame(node, keys, f"expected keys and values, got {_show(node)}")
            return {}
        fields = {f.encode_name: f for f in kind.fields}
        value: dict[str, Any] = {}
        for key_node, child in node.value:
            key = str(key_node.value)
            if key not in fields:
                self._blame(key_node, keys, f"unknown key `{key}`{_guess(key, fields)}")
            elif key in value:
                self._blame(key_node, keys, f"key `{key}` stands here twice")
            else:
                value[key] = self.read(child, fields[key].type, (*keys, key))
        missing = [f.encode_name for f in kind.fields if f.required and f.encode_name not in value]
        if missing:
            self._blame(node, keys, f"missing {', '.join(f'`{m}`' for m in missing)}")
        return value

    def _read_dict(self, node: yaml.Node, kind: msgspec.inspect.DictType, keys: tuple[str, ...]) -> Any:
        if not isinstance(node, yaml.MappingNode):
            self._blame(node, keys, f"expected keys and values, got {_show(node)}")
            return {}
        return {
            self.read(k, kind.key_type, keys): self.read(v, kind.value_type, (*keys, str(k.value)))
            for k, v in node.value
        }

    def _read_list(
        self,
        node: yaml.Node,
        item: msgspec.inspect.Type | None,
        items: tuple[msgspec.inspect.Type, ...] | None,
        keys: tuple[str, ...],
    ) -> Any:
        if not isinstance(node, yaml.SequenceNode):
            self._blame(node, keys, f"expected a list, got {_show(node)}")
            return []
        if items is not None and len(items) != len(node.value):
            self._blame(node, keys, f"expected {len(items)} values, got {len(node.value)}")
            return []
        kinds = items if items is not None else (item,) * len(node.value)
        return [
            self.read(child, k, (*keys, str(i)))
            for i, (child, k) in enumerate(zip(node.value, kinds, strict=True))
            if k is not None
        ]

    def _read_scalar(self, node: yaml.Node, kind: msgspec.inspect.Type, keys: tuple[str, ...]) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self._blame(node, keys, f"expected {_describe(kind)}, got {_show(node)}")
            return None
        value = yaml.SafeLoader("").construct_object(node)  # type: ignore[no-untyped-call]
        if isinstance(kind, msgspec.inspect.StrType) and isinstance(value, (int, float)):
            value = node.value  # a version such as 1.10 is text where text is asked for
        if isinstance(kind, msgspec.inspect.LiteralType):
            if value not in kind.values:
                self._blame(
                    node,
                    keys,
                    f"expected {_describe(kind)}, got {_show(node)}{_guess(str(value), kind.values)}",
                )
            return value
        _, accepted = _SCALARS[type(kind)]
        is_bool_as_number = isinstance(value, bool) and bool not in accepted
        if not isinstance(value, accepted) or is_bool_as_number:
            self._blame(node, keys, f"expected {_describe(kind)}, got {_show(node)}")
            return value
        self._check_bounds(node, kind, value, keys)
        return value

    def _check_bounds(self, node: yaml.Node, kind: msgspec.inspect.Type, value: Any, keys: tuple[str, ...]) -> None:
        if isinstance(kind, (msgspec.inspect.IntType, msgspec.inspect.FloatType)):
            bounds = (
                (kind.ge, "at least", lambda limit: value >= limit),
                (kind.gt, "above", lambda limit: value > limit),
                (kind.le, "at most", lambda limit: value <= limit),
                (kind.lt, "below", lambda limit: value < limit),
            )
            for limit, word, holds in bounds:
                if limit is not None and not holds(limit):
                    self._blame(node, keys, f"must be {word} {limit:g}, got {_show(node)}")
        if isinstance(kind, msgspec.inspect.StrType) and kind.pattern is not None:
            try:
                msgspec.convert(value, Annotated[str, msgspec.Meta(pattern=kind.pattern)])
            except msgspec.ValidationError:
                self._blame(node, keys, f"must look like {kind.pattern}, got {_show(node)}")


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _show(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        is_text = node.tag == "tag:yaml.org,2002:str"
        return f'"{node.value}"' if is_text else (node.value or "nothing")
    return "a list" if isinstance(node, yaml.SequenceNode) else "keys and values"


def _describe(kind: msgspec.inspect.Type) -> str:
    if isinstance(kind, msgspec.inspect.LiteralType):
        return f"one of {', '.join(str(v) for v in kind.values)}"
    return _SCALARS[type(kind)][0]


def _guess(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, [str(k) for k in known], n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""
