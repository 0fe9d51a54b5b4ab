import re
from html.parser import HTMLParser

import pytest

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge, not_run, settle_readings
from pellucid.lab.page import write_page

HOSTILE = '<script>alert("x")</script>&amp;'
VOID = {"meta", "img", "br", "link", "hr", "input"}


class Outline(HTMLParser):
    """Checks that tags nest, and keeps tags and text."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def report(letter, **changes):
    base = {
        **{"letter": letter, "name": f"study {letter}", "authors": "Biswas", "title": "A network"},
        **{
            "summary": "A summary.",
            "slips": [],
            "assumptions": [],
            "plots": [],
            "finished": True,
            "seconds": 754.0,
        },
    }
    return base | changes


def ledger(*rows, reports=None, **changes):
    base = {
        "environment": {"python": "3.11", "torch": None},
        "mode": "default",
        "notice": None,
        "command": "make",
    }
    return base | {"reports": reports or [report("C")], "rows": [row.to_json() for row in rows]} | changes


def row(name="test accuracy", published="90.95", variant="as published", **settings):
    return judge(Claim(name, "%", published), [90.9, 91.0, 91.0], report="C", variant=variant, **settings)


def read(path):
    outline = Outline()
    outline.feed(path.read_text(encoding="utf-8"))
    outline.close()
    assert not outline.open
    return outline, " ".join(" ".join(outline.text).split())


def test_every_row_is_on_the_page(tmp_path):
    curve = [row(f"loss at line {line}", "90.9") for line in range(10, 110, 10)]
    idle = not_run(Claim("other", "%", "87"), report="C", variant="as intended", why="Run with --full.")
    rows = [row(torch=91.02), row("accuracy", reading="scaled"), row("far off", "10.00"), idle, *curve]
    outline, text = read(write_page(ledger(*rows), tmp_path))
    heads = [attrs.get("scope") for tag, attrs in outline.tags if tag == "th"]
    assert heads.count("row") == len(rows)
    assert all(r.why in text and r.figure in text for r in rows)
    assert "12 of 13 claims reproduced, 1 not, 0 undetermined; 1 not run" in str(outline.tags)
    assert all(
        word in text
        for word in ("91.02", "90.97 ± 0.06", "90.67 … 91.26", "accuracy, % scaled", "1 rows not run")
    )
    assert text.count("not reproduced") >= 2


OPEN = Claim("training accuracy", "%", "85")


def tried(reading, values):
    return judge(OPEN, values, report="C", variant="as published", reading=reading, omitted=True)


def parts_of(path):
    """Return each part of the page's tables: its heading, and its rows as lists of cells."""
    html = path.read_text(encoding="utf-8")
    found = []
    for body in re.findall(r'<tbody>\n<tr class="variant">(.*?)</tbody>', html, re.DOTALL):
        place, *rows = body.split("<tr>")
        cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", each, re.DOTALL) for each in rows]
        found.append((_plain(place), [[_plain(cell) for cell in each] for each in cells]))
    return found


def _plain(html):
    return " ".join(re.sub(r"<[^>]*>", " ", html).replace("&nbsp;", " ").split())


def test_readings_stand_under_their_claim(tmp_path):
    readings = settle_readings([tried("a", [10, 11, 12]), tried("b", [84, 85, 86]), tried("c", [85, 85, 86])])
    page = write_page(ledger(row(), *readings, row("F1", "0.5", reading="a")), tmp_path)
    (place, single), (claim, grouped) = parts_of(page)
    assert place == "as published"
    assert claim == "as published: training accuracy, %: 2 of 3 readings tried hold it"
    assert [each[0] for each in single] == ["test accuracy, %", "F1, % a"]
    assert [each[0] for each in grouped] == ["a", "b", "c"]
    assert [each[3] for each in grouped] == ["11.0 ± 1.0", "85.0 ± 1.0", "85.3 ± 0.6"]
    assert "1 of 3 claims reproduced, 1 not, 1 undetermined; 0 not run" in page.read_text()


def test_readings_not_run_wait_and_the_one_that_ran_stands_for_the_claim(tmp_path):
    idle = not_run(OPEN, report="C", variant="as published", reading="b", why="Run with --full.")
    page = write_page(ledger(tried("a", [85, 85.1, 85.2]), idle), tmp_path)
    (_, done), (_, waiting) = parts_of(page)
    assert [each[0] for each in (*done, *waiting)] == ["training accuracy, % a", "training accuracy, % b"]
    assert '%<br><span class="soft">a</span>' in page.read_text()
    assert "<b>1 rows not run</b>" in page.read_text()


def test_orderings_in_several_readings_are_not_counted_as_figures_held(tmp_path):
    gap = Claim("gap", "", kind="ordering")
    rows = [judge(gap, [1, 2, 3], report="C", variant="v", reading=reading) for reading in ("a", "b")]
    ((place, shown),) = parts_of(write_page(ledger(*rows), tmp_path))
    assert place == "v: gap"
    assert [each[0] for each in shown] == ["a", "b"]


def test_a_long_curve_is_folded_under_its_count(tmp_path):
    rows = [row(f"loss at line {line}", "90.9") for line in range(10, 110, 10)]
    outline, text = read(write_page(ledger(row(), *rows), tmp_path))
    assert [tag for tag, _ in outline.tags].count("details") == 1
    assert "loss at line 10 … 100 (as published) : 10 of 10 points reproduced" in text
    assert "1 of 1 single figures and orderings reproduced; 10 of 10 points of published curves" in text


def test_figures_are_inside_the_page(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "c-trace.svg").write_text("<svg/>")
    plots = [{"name": "c-trace", "caption": "The trace."}, {"name": "c-digits", "caption": "Digits."}]
    outline, text = read(write_page(ledger(row(), reports=[report("C", plots=plots)]), tmp_path))
    (image,) = [attrs for tag, attrs in outline.tags if tag == "img"]
    assert image == {"src": "data:image/svg+xml;base64,PHN2Zy8+", "alt": "The trace."}
    assert "Digits. (This figure has not been drawn yet.)" in text


def test_a_figures_name_cannot_reach_out_of_the_folder(tmp_path):
    (tmp_path / "secret.svg").write_text("<svg/>")
    plots = [{"name": "../secret", "caption": ""}]
    with pytest.raises(ValueError, match="name"):
        write_page(ledger(reports=[report("C", plots=plots)]), tmp_path)


def test_hostile_text_stays_text(tmp_path):
    slip = {"name": HOSTILE, "text": HOSTILE, "costs": [{"figure": HOSTILE, "unit": HOSTILE, "mean": 1.0}]}
    fields = dict.fromkeys(("name", "authors", "title", "summary"), HOSTILE)
    hostile = report(
        "C", slips=[slip], assumptions=[HOSTILE], plots=[{"name": "x", "caption": HOSTILE}], **fields
    )
    changes = {"notice": HOSTILE, "command": HOSTILE, "environment": {HOSTILE: HOSTILE}}
    bad = row(HOSTILE, variant=HOSTILE, reading=HOSTILE, assumptions=[HOSTILE])
    outline, text = read(write_page(ledger(bad, reports=[hostile], **changes), tmp_path))
    assert "script" not in [tag for tag, _ in outline.tags]
    assert text.count(HOSTILE) >= 15


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    path = write_page(ledger(row(), reports=[report("C"), report("D")]), tmp_path)
    html = path.read_text()
    outline, _ = read(path)
    assert not re.search(r"https?://|@import|url\(", html)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in outline.tags}
    links = [attrs["href"] for tag, attrs in outline.tags if tag == "a"]
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    assert [file.name for file in tmp_path.iterdir()] == ["index.html"]


def test_notice_slips_costs_assumptions_and_machine_are_told(tmp_path):
    costs = [
        {"figure": "test accuracy", "unit": "points", "mean": -0.42, "low": -0.9, "high": 0.06, "seeds": 3},
        {
            "figure": "loss",
            "unit": "nats",
            "mean": 0.01,
            "low": None,
            "high": None,
            "seeds": 2,
            "note": "two seeds",
        },
    ]
    slips = [{"name": "Undivided pixels", "text": "The test pixels are not divided.", "costs": costs}]
    told = report("C", slips=slips, assumptions=["rows are drawn anew", "rate 0.1"])
    changes = {"notice": "Smoke run: nothing here is a result", "reports": [told]}
    _, text = read(write_page(ledger(row(assumptions=["rate 0.1"]), **changes), tmp_path))
    for words in (
        "Smoke run: nothing",
        "Undivided pixels",
        "−0.42",
        "−0.90 … 0.06",
        "two seeds",
        "12 min 34 s",
    ):
        assert words in text
    assert text.count("rate 0.1") == 1
    assert "python 3.11" in text
    assert "torch none" in text


def test_an_unfinished_report_says_so(tmp_path):
    _, text = read(write_page(ledger(reports=[report("C", finished=False, seconds=None)]), tmp_path))
    assert text.lower().count("not complete") == 2
    assert "0 of 0 claims reproduced" in text
