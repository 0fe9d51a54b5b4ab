import json
from dataclasses import replace

import pytest

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge, not_run, read_ledger, settle_readings, write_ledger

# 1, 2, 3 have mean 2 and sd 1; Student's t, 0.975 quantile at 2 degrees of freedom, is 4.302653 in any table.
REACH_OF_RUN = 4.968275  # 4.302653 · sqrt(1 + 1/3)
REACH_OF_MEAN = 2.484138  # 4.302653 / sqrt(3)


def row_of(claim, values, **settings):
    return judge(claim, values, report="C", variant="as published", **settings)


def figure(published, values=(1.0, 2.0, 3.0), **settings):
    return row_of(Claim("test accuracy", "%", published), values, **settings)


def test_the_interval_of_a_figure_is_that_of_one_more_run_and_half_a_unit():
    row = figure("2")
    assert (row.seeds, row.mean, row.sd, row.published) == (3, 2.0, 1.0, 2.0)
    assert row.low == pytest.approx(2 - REACH_OF_RUN - 0.5, abs=1e-5)
    assert row.high == pytest.approx(2 + REACH_OF_RUN + 0.5, abs=1e-5)
    assert figure("2.000").high == pytest.approx(2 + REACH_OF_RUN + 0.0005, abs=1e-5)


def test_the_quantile_follows_the_number_of_seeds():
    row = row_of(Claim("gap", "points", kind="ordering"), [1, 2, 3, 4, 5])
    assert row.high - 3 == pytest.approx(2.776445 * 1.5811388 / 2.236068, abs=1e-5)  # t with 4 degrees


@pytest.mark.parametrize(
    ("published", "verdict"),
    [
        *[
            ("6.97", "reproduced"),
            ("6.98", "not reproduced"),
            ("-2.97", "reproduced"),
            ("-2.98", "not reproduced"),
        ],
        # Before rounding 7 may be 6.5, and 7.0 may be 6.95, but 7.00 is at least 6.995; the bound is 6.968.
        *[("7", "reproduced"), ("7.0", "reproduced"), ("7.00", "not reproduced")],
    ],
)
def test_a_figure_just_inside_and_just_outside(published, verdict):
    assert figure(published).verdict == verdict


def test_why_has_the_numbers_in_it():
    assert figure("90.95", [90.9, 91.0, 91.0]).why == "90.95 lies in 90.67 … 91.26 (3 seeds)."
    assert figure("91.30", [90.9, 91.0, 91.0]).why == "91.30 lies above 90.67 … 91.26 (3 seeds)."
    assert figure("90.10", [90.9, 91.0, 91.0]).why == "90.10 lies below 90.67 … 91.26 (3 seeds)."


def test_why_never_rounds_a_verdict_away():
    row = figure(
        "7.01", [1.0, 2.0, 3.04]
    )  # the bound is 7.0799…: further decimals only where they are needed
    assert row.why == "7.01 lies in −3.06 … 7.09 (3 seeds)." and row.verdict == "reproduced"
    close = figure("90.95", [90.9449, 90.9449, 90.9449])  # its bound, 90.9499, rounds to 90.95
    assert close.verdict == "not reproduced"
    assert "90.9499 (3 seeds)" in close.why


@pytest.mark.parametrize(("values", "sd"), [([90.0], None), ([90.0, 92.0], 2**0.5)])
def test_fewer_than_three_seeds_are_undetermined(values, sd):
    row = figure("90.95", values)
    assert (row.low, row.high, row.verdict) == (None, None, "undetermined")
    assert row.sd == pytest.approx(sd) if sd else row.sd is None
    assert "3 seeds" in row.why
    assert row_of(Claim("gap", "points", kind="ordering"), values).verdict == "undetermined"


def test_an_ordering_is_judged_by_the_interval_of_the_mean_difference():
    claim = Claim("random beats LeCun", "points", kind="ordering")
    row = row_of(claim, [2, 3, 4])
    assert (row.low, row.high) == pytest.approx((3 - REACH_OF_MEAN, 3 + REACH_OF_MEAN), abs=1e-5)
    assert (row.published, row.verdict) == (None, "reproduced")
    assert row_of(claim, [-2, -3, -4]).verdict == "not reproduced"
    assert row_of(claim, [1, 2, 3]).verdict == "undetermined"
    assert row.why == "The mean difference, 3.0 points, lies in 0.5 … 5.5 (3 seeds), above 0."


@pytest.mark.parametrize(
    ("values", "limit", "verdict"),
    [
        *[([0, 0.1, 0.2], 0.35, "reproduced"), ([0, 0.1, 0.2], 0.34, "undetermined")],  # high is 0.3484
        *[([2, 3, 4], 0.51, "not reproduced"), ([2, 3, 4], 0.52, "undetermined")],  # low is 0.5159
    ],
)
def test_a_gain_is_flat_below_its_limit(values, limit, verdict):
    assert row_of(Claim("gain after epoch 20", "points", kind="flat", limit=limit), values).verdict == verdict


def test_what_is_only_measured_has_an_interval_and_no_verdict():
    row = row_of(Claim("classes lost", "of 10", kind="measured"), [1, 2, 3])
    assert row.verdict == "undetermined"
    assert row.high == pytest.approx(2 + REACH_OF_MEAN, abs=1e-5)
    assert "measured only: the report claims nothing here" in row.why.lower()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_named(bad):
    with pytest.raises(ValueError, match=rf"C, as published, test accuracy.*value 1 is {bad}"):
        figure("90", [90.0, bad, 91.0])
    with pytest.raises(ValueError, match="torch"):
        figure("90", torch=bad)


def test_no_value_is_no_row():
    with pytest.raises(ValueError, match="use not_run"):
        figure("90", [])


def test_not_run_keeps_the_published_figure_and_the_flag():
    row = not_run(Claim("accuracy", "%", "87"), report="B", variant="as published", why="Run with --full.")
    assert (row.published, row.seeds, row.mean, row.low, row.verdict) == (87.0, 0, None, None, "not run")
    with pytest.raises(ValueError, match="flag"):
        not_run(Claim("accuracy", "%", "87"), report="B", variant="as published", why=" ")


def readings(*values, published="85"):
    return [figure(published, v, reading=f"rate {i}", omitted=True) for i, v in enumerate(values)]


def test_no_verdict_before_the_readings_are_settled():
    assert [row.verdict for row in readings([85, 85.1, 85.2], [10, 11, 12])] == ["undetermined"] * 2


def test_one_reading_that_holds_the_figure_leaves_all_undetermined():
    rows = settle_readings(readings([10, 11, 12], [85, 85.1, 85.2]))
    assert [row.verdict for row in rows] == ["undetermined"] * 2
    assert all("the figure holds with: rate 1." in row.why for row in rows)
    assert rows[0].why.startswith("85 lies above")


def test_no_reading_that_holds_the_figure_means_not_reproduced():
    rows = settle_readings(readings([10, 11, 12], [60, 61, 62]))
    assert [row.verdict for row in rows] == ["not reproduced"] * 2
    assert rows[0].why.endswith("none of the 2 readings tried holds it.")


def test_settling_leaves_everything_else_alone():
    claim = Claim("test accuracy", "%", "85")
    idle = not_run(claim, report="C", variant="as published", reading="rate 9", why="Run with --full.")
    short = figure("85", [85.0, 85.1], reading="rate 8", omitted=True)
    stated = figure("85", [85.0, 85.1, 85.2], reading="stated")
    elsewhere = replace(readings([85, 85.1, 85.2])[0], report="B")
    rows = settle_readings([idle, short, stated, elsewhere, *readings([10, 11, 12])])
    assert rows[:3] == [idle, short, stated]
    assert [row.verdict for row in rows[3:]] == ["undetermined", "not reproduced"]
    assert rows[4].why.endswith("the one reading tried does not hold it.")
    assert settle_readings(rows) == rows


def test_the_json_of_a_row_is_the_issues_format():
    fields = figure("2", assumptions=["a"], torch=2).to_json()
    names = (
        "report variant reading figure unit published seeds mean sd low high torch verdict why assumptions"
    )
    assert list(fields) == [*names.split(), "kind", "printed"]
    assert (fields["assumptions"], fields["torch"], fields["kind"]) == (["a"], 2.0, "figure")
    json.dumps(fields, allow_nan=False)


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
