"""What comes from anywhere: only regular files, only strict JSON, and messages of one short line."""

import ast
import os
from pathlib import Path

import pytest

import pellucid
from pellucid.reading import brief, open_regular, parse_json


def test_a_regular_file_is_read_through_a_link_too(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for name in ("a", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"


def test_what_may_never_end_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(OSError, match="not a regular file") as caught:
            open_regular(path)
        assert str(path) in str(caught.value)
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[NaN]", "NaN is not a number in JSON"),
        ('{"a": -Infinity}', "-Infinity is not a number in JSON"),
        ('{"b": {"a": 1, "c": 2, "a": 3}}', "'a' stands twice in an object"),
        ("[" * 100_000, "it is nested too deeply"),
        (r'"\ud83d"', r"'\\ud83d' alone is no character"),
        (r'{"\uDE00": 1}', r"'\\ude00' alone is no character"),
        ("", "Expecting value"),
        ("9" * 5000, "Exceeds the limit"),
    ],
)
def test_json_that_is_not_strict(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_json(text)
    assert "\n" not in str(caught.value)


def test_pairs_of_halves_are_characters():
    assert parse_json(r'["\ud83d\ude00", "\\ud83d", {"x": null}]') == ["😀", "\\ud83d", {"x": None}]


def test_a_value_on_one_line():
    assert brief("a\nb") == r"'a\nb'"
    assert brief([1] * 100, 5) == "[1, 1..."
    assert brief(12) == "12"


#: What could run code that a file holds, or write where a file says.
DANGEROUS = {
    *("pickle", "marshal", "shelve", "dill", "cloudpickle", "runpy", "eval", "exec", "allow_pickle", "yaml"),
    *("extractall", "extract", "unpack_archive", "read_pickle", "joblib.load", "torch.load"),
}


def names(tree):
    """Yield each module that is imported, and each name and keyword that is used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield from (node.attr, ast.unparse(node))
        elif isinstance(node, ast.keyword):
            yield node.arg or ""


def test_nothing_that_is_read_can_run():
    for path in Path(pellucid.__file__).parent.rglob("*.py"):
        assert not set(names(ast.parse(path.read_text(encoding="utf-8")))) & DANGEROUS, path


def test_the_walk_sees_what_it_should():
    source = "import pickle.x\nfrom os import exec\nnp.load(a, allow_pickle=True)\n"
    source += "t.extractall()\ntorch.load(a)\neval(a)\n"
    assert set(names(ast.parse(source))) & DANGEROUS == {
        *("pickle", "exec", "allow_pickle", "extractall", "torch.load", "eval"),
    }
