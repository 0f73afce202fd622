"""Mistakes of a person's YAML, each with its exact line."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest

from edgefuse.config import loader
from edgefuse.errors import ConfigError


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """A part with a rule between its keys."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low must not be above high, got {self.low} and {self.high}")


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One field of every kind that the structs of YAML have."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-z-]+$")] = "table"
    title: Annotated[str, msgspec.Meta(min_length=2, max_length=8)] = "Table"
    count: Annotated[int, msgspec.Meta(ge=1, lt=10)] = 1
    weight_kg: Annotated[float, msgspec.Meta(gt=0, le=100)] = 1.0
    is_round: bool = False
    wood: Literal["oak", "pine"] = "oak"
    note: str | None = None
    size: tuple[int, int] = (1, 1)
    legs: Annotated[tuple[Leg, ...], msgspec.Meta(max_length=2)] = ()
    tags: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("a",)
    prices: Annotated[dict[str, float], msgspec.Meta(min_length=1)] | None = None


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A struct with keys that must be there."""

    table: Table
    door: str


def mistakes(text: str, kind: type = Table) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loader.parse(text, kind, name="f.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count: few", 'f.yaml:1:8: count: expected a whole number, got "few"'),
        ("count: 1.0", "f.yaml:1:8: count: expected a whole number, got 1.0"),
        ("count: '1'", 'f.yaml:1:8: count: expected a whole number, got "1"'),
        ("count: true", "f.yaml:1:8: count: expected a whole number, got true"),
        ("count:", "f.yaml:1:7: count: expected a whole number, got nothing"),
        ("count: 0", "f.yaml:1:8: count: must be at least 1, got 0"),
        ("count: 10", "f.yaml:1:8: count: must be below 10, got 10"),
        ("weight_kg: 75C", 'f.yaml:1:12: weight_kg: expected a number, got "75C"'),
        ("weight_kg: .nan", "f.yaml:1:12: weight_kg: expected a number, got .nan"),
        ("weight_kg: 1.0e+999", "f.yaml:1:12: weight_kg: expected a number, got 1.0e+999"),
        ("weight_kg: 0", "f.yaml:1:12: weight_kg: must be above 0, got 0"),
        ("weight_kg: 100.5", "f.yaml:1:12: weight_kg: must be at most 100, got 100.5"),
        ("weight_kg: [1]", "f.yaml:1:12: weight_kg: expected a number, got a list"),
        ("is_round: 1", "f.yaml:1:11: is_round: expected true or false, got 1"),
        ("is_round: 'true'", 'f.yaml:1:11: is_round: expected true or false, got "true"'),
        ("wood: oka", 'f.yaml:1:7: wood: expected one of oak, pine, got "oka" (did you mean `oak`?)'),
        ("title: x", "f.yaml:1:8: title: expected at least 2 characters, got 1"),
        ("title: long enough", "f.yaml:1:8: title: expected at most 8 characters, got 11"),
        ("title: {a: b}", "f.yaml:1:8: title: expected text, got keys and values"),
        ("title: ~", 'f.yaml:1:8: title: expected text, got nothing; as text it is written "~"'),
        ('title: "\\ud800x"', 'f.yaml:1:8: title: expected text, got "\\ud800x"'),
        ("id: A", 'f.yaml:1:5: id: must look like ^[a-z-]+$, got "A"'),
        ("note: [x]", "f.yaml:1:7: note: expected text, got a list"),
        ("size: [1]", "f.yaml:1:7: size: expected 2 values, got 1"),
        ("size: [1, x]", 'f.yaml:1:11: size.1: expected a whole number, got "x"'),
        ("tags: []", "f.yaml:1:7: tags: expected at least 1 value, got 0"),
        ("tags: oak", 'f.yaml:1:7: tags: expected a list, got "oak"'),
        ("prices: {}", "f.yaml:1:9: prices: expected at least 1 value, got 0"),
        ("prices: {a: x}", 'f.yaml:1:13: prices.a: expected a number, got "x"'),
        ("prices: {a: 1, a: 2}", "f.yaml:1:16: prices: key `a` stands here twice"),
        ("prices: {[a]: 1, b: 2}", "f.yaml:1:10: prices: expected a key, got a list"),
        ("prices: [a]", "f.yaml:1:9: prices: expected keys and values, got a list"),
        ("legs: [{low: 2, high: 1}]", "f.yaml:1:8: legs.0: low must not be above high, got 2 and 1"),
        ("legs: [{low: 2}]", "f.yaml:1:8: legs.0: missing `high`"),
        ("count: 1\ncount: 2", "f.yaml:2:1: key `count` stands here twice"),
        ("cuont: 1", "f.yaml:1:1: unknown key `cuont` (did you mean `count`?)"),
        ("zzz: 1", "f.yaml:1:1: unknown key `zzz`"),
        ("? [count]\n: 1", "f.yaml:1:3: expected a key, got a list"),
        ("[count]", "f.yaml:1:1: expected keys and values, got a list"),
        ("text", 'f.yaml:1:1: expected keys and values, got "text"'),
    ],
)
def test_a_mistake_is_named_at_its_place(text: str, expected: str) -> None:
    assert mistakes(text) == [expected]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = "table:\n  cuont: 1\n  weight_kg: x\n  legs:\n    - {low: a, high: b}\ndor: left\n"
    assert mistakes(text, Room) == [
        "f.yaml:1:1: missing `door`",
        "f.yaml:2:3: table: unknown key `cuont` (did you mean `count`?)",
        'f.yaml:3:14: table.weight_kg: expected a number, got "x"',
        'f.yaml:5:13: table.legs.0.low: expected a whole number, got "a"',
        'f.yaml:5:22: table.legs.0.high: expected a whole number, got "b"',
        "f.yaml:6:1: unknown key `dor` (did you mean `door`?)",
    ]


def test_a_long_value_is_cut_and_stays_on_one_line() -> None:
    (line,) = mistakes('count: "a\\n' + "b" * 500 + '"')
    assert line.endswith('…"') and len(line) < 150


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("weight_kg: 1e-4", "weight_kg", 0.0001),
        ("weight_kg: 3", "weight_kg", 3.0),
        ("count: +7", "count", 7),
        ("is_round: true", "is_round", True),
        ("title: 1.10", "title", "1.10"),
        ("title: no", "title", "no"),
        ("title: 'null'", "title", "null"),
        ("note: ~", "note", None),
        ("size: [3, 4]", "size", (3, 4)),
        ("prices: {no: 2}", "prices", {"no": 2.0}),
        ("legs:\n- low: 1\n  high: 2\n", "legs", (Leg(low=1, high=2),)),
    ],
)
def test_a_value_is_read_as_the_kind_that_is_asked_for(text: str, field: str, value: object) -> None:
    read = getattr(loader.parse(text, Table, name="f.yaml"), field)
    assert (read, type(read)) == (value, type(value))
