"""docs/proof.md has the tables of the proofs' files, and the runner writes such files."""

import json
from pathlib import Path

import pytest
from proof.findings import SUBJECTS, markdown, summary, tables

from proof import __main__ as runner

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_has_the_tables_of_all_files():
    text = (DOCS / "proof.md").read_text(encoding="utf-8")
    found = tables(DOCS / "proof")
    assert set(found) == set(runner.PROOFS) == set(SUBJECTS)
    for name, table in found.items():
        assert f"<!-- {name} -->\n{table}\n<!-- /{name} -->" in text


def test_the_documents_count_the_claims_that_hold():
    pages = [path.read_text(encoding="utf-8") for path in (DOCS.parent / "README.md", DOCS / "proof.md")]
    assert any(summary(DOCS / "proof") in page for page in pages)


def test_every_proof_was_run_at_full_size_and_holds():
    for name, n in runner.PROOFS.items():
        content = json.loads((DOCS / "proof" / f"{name}.json").read_text(encoding="utf-8"))
        assert content["cases"] == n
        assert all(finding["holds"] for finding in content["findings"]), name


def test_every_proof_has_its_test_in_ci():
    assert {f"test_{name}.py" for name in runner.PROOFS} <= {
        path.name for path in Path(__file__).parent.iterdir()
    }


def test_a_run_writes_its_file_and_is_not_repeated(tmp_path, capsys):
    arguments = ["crash", "--cases", "2", "--folder", str(tmp_path)]
    assert runner.main(arguments) == 0
    content = json.loads((tmp_path / "crash.json").read_text())
    assert (content["proof"], content["cases"], len(content["findings"])) == ("crash", 2, 3)
    assert content["command"] == "python -m proof crash --cases 2"
    assert runner.is_done(tmp_path / "crash.json", 2)
    assert not runner.is_done(tmp_path / "crash.json", 3)
    assert capsys.readouterr().out.count("holds: ") == 3
    (tmp_path / "crash.json").write_text(json.dumps({**content, "proof sha256": "other"}))
    assert not runner.is_done(tmp_path / "crash.json", 2)
    (tmp_path / "crash.json").write_text("{")
    assert not runner.is_done(tmp_path / "crash.json", 2)


def test_a_claim_that_does_not_hold_is_reported(tmp_path, capsys, monkeypatch):
    finding = {"claim": "Pigs fly", "measured": "0 of 3", "limit": "3", "holds": False}
    content = {
        "proof": "crash", "cases": 1, "command": "x", "seconds": 61.0, "findings": [finding],
        "proof sha256": runner.digest(),
        "environment": {**runner.environment(), "cores": 2},
    }  # fmt: skip
    monkeypatch.setattr(runner, "PROOFS", {"crash": 1})
    (tmp_path / "crash.json").write_text(json.dumps(content))
    assert runner.main(["--folder", str(tmp_path)]) == 1
    assert "does not hold: Pigs fly: 0 of 3" in capsys.readouterr().out
    assert "| Pigs fly | 0 of 3 | 3 | **does not hold** |" in markdown(content, "crash.json")
    assert "`x`: 1 min on 2 cores" in markdown(content, "crash.json")


@pytest.mark.parametrize("arguments", [["nothing"], ["crash", "--cases", "0"], ["--folder", "/dev/null/x"]])
def test_wrong_arguments(arguments, capsys):
    with pytest.raises(SystemExit):
        runner.main(arguments)
    assert "error: " in capsys.readouterr().err
