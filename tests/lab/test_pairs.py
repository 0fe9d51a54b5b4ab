from pellucid.lab.pairs import costs_of, differences, matching, paired
from pellucid.lab.report import Finished, Slip


def test_matching_takes_all_settings_named_and_sorts_by_seed():
    runs = [Finished({"a": a, "b": b}, seed, {}) for a in (1, 2) for b in (1, 2) for seed in (2, 0, 1)]
    assert [run.seed for run in matching(runs, a=1, b=2)] == [0, 1, 2]
    assert len(matching(runs, a=1)) == 6
    assert matching(runs, a=3) == []
    assert matching(runs, c=None) == []  # a setting that a run has not is not the setting None
    assert len(matching(runs)) == 12


def test_runs_are_paired_by_seed_where_both_were_run():
    with_slip = [Finished({"slip": True, "rate": 1}, seed, {"loss": seed}) for seed in (2, 0, 1)]
    without = [Finished({"slip": False, "rate": 1}, seed, {"loss": 10 + seed}) for seed in (1, 3, 2)]
    other = [Finished({"slip": False, "rate": 2}, 0, {"loss": 99})]
    runs = [*with_slip, *without, *other]
    one, two = {"slip": True}, {"slip": False, "rate": 1}
    assert paired(runs, one, two) == [({"loss": 1}, {"loss": 11}), ({"loss": 2}, {"loss": 12})]
    assert paired(runs, two, one) == [({"loss": 11}, {"loss": 1}), ({"loss": 12}, {"loss": 2})]
    assert len(paired(iter(runs), one, two)) == 2  # of runs that come one by one, too
    assert paired(runs, one, {"rate": 3}) == []


def loss(result):
    return result["loss"]


def test_differences_go_by_seed_and_have_a_sign():
    runs = [Finished({"rate": 1}, seed, {"loss": 10.0 * seed}) for seed in (0, 1, 2)]
    runs += [Finished({"rate": 2}, seed, {"loss": 10.0 * seed + seed}) for seed in (3, 2, 1)]
    assert differences(runs, {"rate": 2}, {"rate": 1}, loss) == [1.0, 2.0]
    assert differences(runs, {"rate": 1}, {"rate": 2}, loss) == [-1.0, -2.0]
    assert differences(runs, {"rate": 1}, {"rate": 3}, loss) == []


def test_a_slip_costs_what_it_adds_and_nothing_where_it_was_not_measured():
    runs = [Finished({"slip": slip}, seed, {"loss": 5.0 + slip * seed}) for slip in (0, 1) for seed in (1, 2)]
    one, two = Slip("one", "It is explained."), Slip("two", "It is explained.")
    compared = [
        (two, {"slip": 2}, {"slip": 0}, "never run"),
        (one, {"slip": 1}, {"slip": 0}, "with it"),
        (one, {"slip": 0}, {"slip": 1}, "the other way"),
    ]
    found = costs_of(iter(runs), compared, "loss", "nats", loss)
    assert [(cost.slip, cost.note, cost.values) for cost in found] == [
        ("one", "with it", (1.0, 2.0)),
        ("one", "the other way", (-1.0, -2.0)),
    ]
    assert {(cost.figure, cost.unit) for cost in found} == {("loss", "nats")}
