import pytest

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge
from pellucid.lab.ledger_file import read_ledger, write_ledger


def ledger(*names):
    claims = [Claim(name, "%", "90.95") for name in names]
    rows = [judge(c, [90.9, 91.0, 91.0], report="C", variant="as published").to_json() for c in claims]
    return {"environment": {"torch": None}, "rows": rows}


def test_a_ledger_comes_back_as_it_went(tmp_path):
    path = tmp_path / "ledger.json"
    write_ledger(path, ledger("test accuracy", "training accuracy"))
    assert read_ledger(path) == ledger("test accuracy", "training accuracy")
    assert [file.name for file in path.parent.iterdir()] == ["ledger.json"]


def test_a_duplicate_row_is_named(tmp_path):
    with pytest.raises(ValueError, match="'C', 'as published', None, 'test accuracy'"):
        write_ledger(tmp_path / "ledger.json", ledger("test accuracy", "test accuracy"))
    twin = ledger("test accuracy", "test accuracy")
    twin["rows"][1]["reading"] = "another"
    write_ledger(tmp_path / "ledger.json", twin)


def test_a_number_that_is_not_finite_is_named_and_the_old_file_stays(tmp_path):
    path = tmp_path / "ledger.json"
    write_ledger(path, ledger("test accuracy"))
    before = path.read_bytes()
    broken = ledger("test accuracy")
    broken["rows"][0]["torch"] = float("nan")
    with pytest.raises(ValueError, match=r"ledger\.rows\[0\]\.torch must be finite, got nan"):
        write_ledger(path, broken)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        '{"rows": [NaN]}',
        "[" * 100_000,
        '{"rows": [], "rows": []}',
        "\xff" * 3000,
        '{"rows": [-Infinity]}',
        "[]",
        '{"rows": 3}',
    ],
)
def test_what_is_not_a_ledger_is_refused(tmp_path, text):
    path = tmp_path / "ledger.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="ledger"):
        read_ledger(path)
