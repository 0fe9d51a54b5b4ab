import pytest

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge, not_run, settle_readings
from pellucid.lab.rows import (
    cells,
    claim_verdict,
    claims,
    fold,
    fold_label,
    fold_verdict,
    holds,
    nearest,
    number,
    places,
    readings,
    summary,
    tally,
)


def point(line, published="2.30", variant="as published"):
    claim = Claim(f"loss at line {line}", "nats", published)
    return judge(claim, [2.29, 2.30, 2.31], report="C", variant=variant).to_json()


@pytest.mark.parametrize(
    ("interval", "mark", "decimals"),
    [
        *[
            ((90.71, 91.22), 90.95, 2),
            ((90.71, 91.22), None, 2),
            ((80.0, 90.0), 85.0, 1),
            ((-2e-5, 2e-5), None, 6),
        ],
        ((90.7, 90.9499), 90.95, 4),  # 90.950 would still look like the mark
        ((100.0, 900.0), 88.915, 3),
        ((-0.004, 4.0), 0.0, 3),  # "0.00 … 4.00" would hide that 0 lies inside
    ],
)
def test_places(interval, mark, decimals):
    assert places(sum(interval) / 2, *interval, mark) == decimals


def test_without_an_interval_three_digits_of_the_mean_are_shown():
    assert [places(mean, None, None) for mean in (89.4, 0.01, 0.0)] == [1, 4, 1]


def test_numbers_have_a_true_minus_and_no_negative_zero():
    assert [number(v, 1) for v in (-1.25, -0.01, 3.0, None)] == ["−1.2", "0.0", "3.0", "—"]


def test_cells():
    assert cells(point(10)) == {
        "published": "2.30",
        "measured": "2.300 ± 0.010",
        "interval": "2.245 … 2.355",
        "torch": "—",
    }
    idle = not_run(Claim("accuracy", "%", "87"), report="B", variant="as published", why="Run with --full.")
    assert cells(idle.to_json()) == {"published": "87", "measured": "—", "interval": "—", "torch": "—"}


def test_six_points_of_a_curve_fold_and_five_do_not():
    other = judge(
        Claim("test accuracy", "%", "91"), [90, 91, 92], report="C", variant="as published"
    ).to_json()
    points = [point(10 * n) for n in range(1, 7)]
    assert [len(group) for group in fold([other, *points])] == [1, 6]
    assert [len(group) for group in fold(points[:5])] == [1] * 5
    assert fold([point(n, variant=v) for n in range(6) for v in ("a", "b")])[1][5]["variant"] == "b"


def test_a_folded_curve_is_named_by_its_ends_and_counted():
    group = [point(10 * n, "2.30" if n < 6 else "9.99") for n in range(1, 7)]
    assert fold_label(group) == "loss at line 10 … 60"
    assert fold_verdict(group) == "5 of 6 points reproduced"
    assert fold_label(group[:1]) == "loss at line 10"
    idle = not_run(
        Claim("loss at line 70", "nats", "1"), report="C", variant="x", why="Run with --full."
    ).to_json()
    assert fold_verdict([idle] * 3) == "3 points not run"
    assert fold_verdict([*group, idle]) == "5 of 7 points reproduced, 1 not run"


def test_what_is_only_measured_is_no_claim():
    measured = judge(Claim("lost", "of 10", kind="measured"), [1, 2, 3], report="D", variant="x").to_json()
    rows = [point(1), point(2, "9.99"), measured]
    assert summary(rows) == {
        "claims": 2,
        "reproduced": 1,
        "not reproduced": 1,
        "undetermined": 0,
        "not run": 0,
        "measured": 1,
    }
    assert tally(rows) == "1 of 2 claims reproduced, 1 not, 0 undetermined; 0 not run"


OPEN = Claim("test accuracy", "%", "85")
BELOW, AROUND, NEAR = [10, 11, 12], [82, 84, 86], [85.6, 85.6, 85.6]  # only the middle one holds 85


def reading(name, values, claim=OPEN, variant="as published"):
    return judge(claim, values, report="D", variant=variant, reading=name, omitted=True)


def idle(name):
    why = "Run with --full."
    return not_run(OPEN, report="D", variant="as published", reading=name, why=why).to_json()


def settled(*values):
    rows = settle_readings([reading(f"reading {i}", each) for i, each in enumerate(values)])
    return [row.to_json() for row in rows]


def test_the_readings_of_a_claim_stand_together_in_their_order():
    rows = [
        reading("a", BELOW).to_json(),
        reading("a", BELOW, variant="as intended").to_json(),
        point(10),
        reading("b", BELOW).to_json(),
    ]
    groups = [[(row["report"], row["variant"], row["reading"]) for row in group] for group in claims(rows)]
    assert groups == [
        [("D", "as published", "a"), ("D", "as published", "b")],
        [("D", "as intended", "a")],
        [("C", "as published", None)],
    ]


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [
        ("reproduced, reproduced", "reproduced"),
        ("not reproduced, not reproduced", "not reproduced"),
        ("reproduced, not reproduced", "undetermined"),
        ("reproduced, undetermined", "undetermined"),
        ("not reproduced, not run", "not reproduced"),
        ("not run, not run", "not run"),
        ("not run", "not run"),
    ],
)
def test_a_claim_has_the_verdict_that_its_readings_agree_on(verdicts, together):
    assert claim_verdict({"verdict": verdict} for verdict in verdicts.split(", ")) == together


def test_what_holds_is_an_interval_with_the_figure_inside():
    below, around, near = settled(BELOW, AROUND, NEAR)
    assert [holds(row) for row in (below, around, near)] == [False, True, False]
    assert not holds(reading("two seeds", [85, 85]).to_json())
    assert not holds(idle("a"))
    gap = judge(Claim("gap", "points", kind="ordering"), [-1, 0, 1], report="D", variant="v")
    assert not holds(gap.to_json())
    edge = around | {"low": 85.0, "high": 85.0}
    assert holds(edge)
    assert not holds(edge | {"low": 85.1, "high": 86.0})
    assert not holds(edge | {"low": 84.0, "high": 84.9})


def test_the_reading_shown_is_one_that_holds_the_figure_else_the_closest():
    below, around, near = settled(BELOW, AROUND, NEAR)
    assert nearest([below, near, around]) is around  # though the mean of `near` is closer to 85
    assert nearest([below, near]) is near
    assert nearest([near, below]) is near
    assert nearest([idle("a"), below, idle("b")]) is below
    waiting = [idle("a"), idle("b")]
    assert nearest(waiting) is waiting[0]


def test_how_many_readings_hold_a_figure():
    assert readings(settled(BELOW, AROUND, NEAR)) == "1 of 3 readings tried hold it"
    assert readings([*settled(BELOW, NEAR), idle("c")]) == "0 of 2 readings tried hold it"
    assert readings(settled(AROUND)) == ""
    assert readings([idle("a"), idle("b")]) == ""
    gaps = [judge(Claim("gap", "points", kind="ordering"), [1, 2, 3], report="D", variant="v", reading=r)
            for r in "ab"]  # fmt: skip
    assert readings([row.to_json() for row in gaps]) == ""  # an ordering has no figure to hold


def test_a_claim_counts_once_however_many_readings_it_has():
    counts = summary([*settled(BELOW, AROUND, NEAR), point(1), idle("d")])
    assert (counts["claims"], counts["reproduced"], counts["undetermined"]) == (2, 1, 1)
    assert (counts["not reproduced"], counts["not run"], counts["measured"]) == (0, 0, 0)
    assert tally([idle("a"), idle("b")]) == "0 of 0 claims reproduced, 0 not, 0 undetermined; 1 not run"
    assert summary(row for row in settled(BELOW, NEAR))["not reproduced"] == 1  # rows may come one by one
