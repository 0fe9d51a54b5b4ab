"""Reading files from anywhere: only regular files, only strict JSON, and messages of one short line."""

import ast
import contextlib
import json
import os
import tracemalloc
from pathlib import Path

import pytest

import pellucid
from pellucid.files.reading import open_regular, parse_json, read_json


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
        ('{"b": {"a": 1, "c": 2, "a": 3}}', "'a' appears twice in an object"),
        ("[" * 90_000, "it is nested too deeply"),
        ("[" * 110_000, "110,000 values in JSON may take 7,040,000 bytes of memory, the limit is 6,500,000"),
        ('"' + "x" * 2_000_000 + '"', "JSON of more than 2,000,000 bytes, which is the limit"),
        ('"' + "é" * 1_000_000 + '"', "JSON of more than 2,000,000 bytes, which is the limit"),
        (r'"\ud83d"', r"'\\ud83d' is a lone surrogate, not a character"),
        (r'{"\uDE00": 1}', r"'\\ude00' is a lone surrogate, not a character"),
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


#: What could run code that a file holds, or write where a file says.
DANGEROUS = {
    *("pickle", "marshal", "shelve", "dill", "cloudpickle", "runpy", "eval", "exec", "allow_pickle", "yaml"),
    *("extractall", "extract", "unpack_archive", "read_pickle", "joblib.load", "torch.load"),
}


def names(tree):
    """Yield each imported module, and each name and keyword in use, except ``allow_pickle=False``."""
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
        elif isinstance(node, ast.keyword) and ast.unparse(node) != "allow_pickle=False":
            yield node.arg or ""


def test_nothing_that_is_read_can_run():
    for path in Path(pellucid.__file__).parent.rglob("*.py"):
        assert not set(names(ast.parse(path.read_text(encoding="utf-8")))) & DANGEROUS, path


def test_the_walk_sees_what_it_should():
    source = "import pickle.x\nfrom os import exec\nnp.load(a, allow_pickle=True)\n"
    source += "np.load(a, allow_pickle=False)\nt.extractall()\ntorch.load(a)\neval(a)\n"
    assert set(names(ast.parse(source))) & DANGEROUS == {
        *("pickle", "exec", "allow_pickle", "extractall", "torch.load", "eval"),
    }


#: A few times more values than are taken, of each kind.
MANY = {
    "numbers": [1000.5] * 300_000,
    "texts": [f"{i:x}" for i in range(200_000)],
    "lists": [[1000]] * 100_000,
    "objects": [{"a": 1000}] * 50_000,
    "names": {f"{i:x}": i for i in range(50_000)},
    "objects of objects": {f"{i:x}": {f"{i:x}": i} for i in range(40_000)},
    "wide texts": [f"\U0001f600{i:x}" for i in range(100_000)],
}


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("kind", MANY)
def test_the_memory_of_values_is_twice_the_text_and_a_little(kind, escaped):
    """Find the largest number that is accepted, by bisection."""
    peaks = []
    for halvings in range(6):
        many = MANY[kind]
        n = len(many) >> halvings
        values = dict(list(many.items())[:n]) if isinstance(many, dict) else many[:n]
        text = json.dumps(values, ensure_ascii=escaped)
        del values
        tracemalloc.start()
        with contextlib.suppress(ValueError):
            parse_json(text)
            peaks.append(tracemalloc.get_traced_memory()[1] - len(text.encode()))
        tracemalloc.stop()
    assert 0 < len(peaks) < 6
    assert max(peaks) < 8 << 20


def test_a_file_of_json(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"é": [1.5]}', encoding="utf-8")
    assert read_json(path) == {"é": [1.5]}
    path.write_bytes(b" " * 2_000_001)
    with pytest.raises(ValueError, match="2,000,001 bytes of JSON, the limit is 2,000,000"):
        read_json(path)
    with pytest.raises(OSError, match="not a regular file"):
        read_json(os.devnull)
