import pytest

from pellucid.lab.claims import Claim


@pytest.mark.parametrize(
    ("published", "half"),
    [("90.95", 0.005), ("2.3020", 0.00005), ("85", 0.5), ("88.0", 0.05), ("-1.5", 0.05)],
)
def test_the_printed_decimals_give_the_half_unit(published, half):
    claim = Claim("accuracy", "%", published)
    assert (claim.half_unit, claim.mark) == (half, float(published))


def test_without_a_figure_there_is_nothing_to_round():
    claim = Claim("gap", "points", kind="ordering")
    assert (claim.half_unit, claim.mark) == (0, 0)
    assert Claim("gain", "points", kind="flat", limit=0.5).mark == 0.5
    assert Claim("lost", "of 10", kind="measured").mark is None


@pytest.mark.parametrize(
    "claim",
    [
        {"kind": "figure"},
        {"kind": "ordering", "published": "1"},
        {"kind": "flat"},
        {"kind": "measured", "limit": 1.0},
        {"published": "ninety"},
        {"published": "NaN"},
        {"kind": "flat", "limit": float("inf")},
    ],
)
def test_a_claim_that_makes_no_sense_is_refused(claim):
    with pytest.raises(ValueError, match="accuracy"):
        Claim("accuracy", "%", **claim)
