import pytest

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge, not_run
from pellucid.lab.rows import cells, fold, fold_label, fold_verdict, number, places, summary, tally


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
