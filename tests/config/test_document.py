"""Files that are no sensible YAML at all."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgefuse.config import document, loader
from edgefuse.config.host import Host
from edgefuse.config.profile import Profile
from edgefuse.errors import ConfigError

CHECKOUT = Path(__file__).parents[2]
SHIPPED = [*CHECKOUT.glob("devices/*.yaml"), *CHECKOUT.glob("models/*.yaml")]


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        document.compose(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f.yaml:1:1: the file is empty"),
        ("# only a comment\n", "f.yaml:1:1: the file is empty"),
        ("a: [1,\nb: 2", "f.yaml:2:5: while parsing a flow sequence: expected ',' or ']', but got '<stream end>'"),
        (
            "a: 1\n\tb: 2",
            "f.yaml:2:1: while scanning for the next token: found character '\\t' that cannot start any token",
        ),
        ("a: b: c", "f.yaml:1:5: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: expected a single document in the stream: found another document"),
        ("a: &x 1\nb: *x", "f.yaml:2:4: aliases are not read here; write the value out"),
        ("a: !!python/object:os.system ls", "f.yaml:1:4: tags are not read here; leave it out"),
        ("a: !!str 1", "f.yaml:1:4: tags are not read here; leave it out"),
        ("a:\n  b\x07c", "f.yaml:2:4: character 0x7 is not allowed"),
        ('a: "\\UFFFFFFFF"', "f.yaml: cannot read an escape sequence: "),
    ],
)
def test_text_that_is_not_plain_yaml_is_refused_with_its_place(text: str, expected: str) -> None:
    assert complaint(text).startswith(expected)


def test_nesting_is_bounded() -> None:
    assert complaint("[" * 200 + "]" * 200) == "f.yaml:1:33: nested deeper than 32 levels"
    assert isinstance(document.compose("[" * 32 + "]" * 32, "f.yaml"), yaml.SequenceNode)


def test_a_bomb_of_aliases_never_grows() -> None:
    levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12))
    started_s = time.monotonic()
    assert "aliases are not read here" in complaint("l0: &l0 [x]\n" + levels)
    assert time.monotonic() - started_s < 1.0  # grown it would hold 9**11 nodes


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id: \xff\n", "cannot load f.yaml: line 1 is not UTF-8 text"),
        (b"id: a\n# \xe9\n", "cannot load f.yaml: line 2 is not UTF-8 text"),
        (b"#" * 200_000, "cannot load f.yaml: larger than 131072 bytes"),
        (b"", "f.yaml:1:1: the file is empty"),
    ],
)
def test_a_file_that_is_no_text_of_sensible_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        loader.load_file(path, Profile)
    assert str(caught.value) == expected


def test_a_folder_instead_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^cannot load .*: is a directory$"):
        document.read_text(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^cannot load .*gone\.yaml: no such file or directory$"):
        document.read_text(tmp_path / "gone.yaml")


def test_a_path_below_the_working_folder_is_shown_relative_and_any_other_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = [document.show_path(tmp_path / "devices/a.yaml"), document.show_path(Path("/etc/a.yaml"))]
    assert shown == ["devices/a.yaml", "/etc/a.yaml"]


@given(st.text() | st.text(alphabet="abc:-[]{}#&*!|>'\"%@,?\n\t ~0.\\uU<é\ud800\x00"))
def test_any_text_gives_a_struct_or_a_config_error(text: str) -> None:
    try:
        assert isinstance(loader.parse(text, Host, name="f.yaml"), Host)
    except ConfigError as e:
        assert all(line.startswith("f.yaml:") for line in str(e).splitlines())


_YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(Profile.__struct_fields__), inner),
    max_leaves=20,
)


@given(_YAML)
def test_any_values_in_a_profile_give_a_config_error_that_names_places(value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        loader.parse(yaml.safe_dump(value), Profile, name="f.yaml")
    assert all(line.startswith("f.yaml:") for line in str(caught.value).splitlines())


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="libyaml is not here")
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_libyaml_reads_shipped_files_as_python_does(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = document.compose(path.read_text(), path.name)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert flatten(fast) == flatten(document.compose(path.read_text(), path.name))


def flatten(node: yaml.Node) -> object:
    """Give a node's content with its places."""
    children = node.value if isinstance(node, yaml.CollectionNode) else ()
    value = node.value if isinstance(node, yaml.ScalarNode) else None
    pairs = [part for child in children for part in (child if isinstance(child, tuple) else (child,))]
    return node.tag, value, node.start_mark.line, node.start_mark.column, [flatten(part) for part in pairs]
