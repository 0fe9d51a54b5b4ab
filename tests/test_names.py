"""One name, one thing: no two classes and no two modules share a name."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("src", "bench", "proof") for path in sorted((ROOT / folder).rglob("*.py"))]
#: Modules that share their name because they are the same idea, in pellucid and in PyTorch.
SAME_IDEA = {"losses", "optimizers"}


def repeated(names):
    return sorted(name for name, n in Counter(names).items() if n > 1)


def test_classes():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in FILES]
    names = [node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert len(names) > 100
    assert repeated(names) == []


def test_modules():
    names = [path.stem for path in FILES if path.stem not in {"__init__", "__main__"} | SAME_IDEA]
    assert repeated(names) == []


@pytest.mark.parametrize(("names", "expected"), [(["a", "b", "a"], ["a"]), (["a", "b"], [])])
def test_repeated(names, expected):
    assert repeated(names) == expected
