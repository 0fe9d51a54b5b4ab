"""The tables in the documentation are those that the recorded results give."""

import json

import pytest

update_docs = pytest.importorskip("tools.update_docs", exc_type=ImportError)
CONTENTS = update_docs.contents()


@pytest.mark.parametrize("page", CONTENTS, ids=lambda page: page.name)
def test_pages_are_up_to_date(page):
    assert update_docs.filled(page, CONTENTS[page]) == page.read_text(encoding="utf-8"), "run make docs"


def test_content_between_markers_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\nold\n<!-- /x -->\nb <!-- y --> <!-- /y -->\n")
    text = update_docs.filled(page, {"x": "new"})
    assert text == "a\n<!-- x -->\nnew\n<!-- /x -->\nb <!-- y --> <!-- /y -->\n"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Put results and docs in an empty folder; return both."""
    for name in ("docs", "results/default"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(update_docs, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(update_docs, "PICTURES", tmp_path / "docs")
    monkeypatch.setattr(update_docs, "RESULTS", tmp_path / "results")
    return tmp_path / "results", tmp_path / "docs"


@pytest.mark.parametrize("finished", [True, False])
def test_only_complete_results_are_copied(folders, capsys, finished):
    results, docs = folders
    ledger = {"reports": [{"letter": each, "finished": each != "C" or finished} for each in "ABCDE"]}
    (results / "default" / "ledger.json").write_text(json.dumps(ledger))
    (results / "default" / "figures").mkdir()
    for name in update_docs.CHARTS["default"]:
        (results / "default" / "figures" / f"{name}.png").write_bytes(b"picture")
    update_docs._copy_results()
    assert (docs / "ledger.json").exists() is finished
    assert len(list(docs.glob("*.png"))) == 2 * finished
    assert ("is incomplete and was not copied" in capsys.readouterr().err) is not finished


def test_without_results_nothing_is_copied(folders):
    _, docs = folders
    update_docs._copy_results()
    assert list(docs.iterdir()) == []


def test_the_benchmark_is_copied_with_its_pictures(folders):
    results, docs = folders
    (results / "bench.json").write_text("{}")
    (results / "bench.png").write_bytes(b"picture")
    update_docs._copy_results()
    assert sorted(path.name for path in docs.iterdir()) == ["bench.json", "bench.png"]
