import pytest

from pellucid.lab.learning_curves import add_point, curve, last, value_at
from pellucid.lab.pictures.curves import batch_plot, comparison_plot, epoch_plot, series_of
from pellucid.lab.report import Finished

EPOCHS, BATCHES = 30, 10
PUBLISHED = {"train": 93.33, "validation": 92.02}


def finished(seed=0, epochs=EPOCHS):
    """Return a run whose curves tell name, epoch and seed apart."""
    names = ("train loss", "train accuracy", "validation loss", "validation accuracy")
    curves = {
        name: [100.0 * k + epoch + seed / 10 for epoch in range(epochs)] for k, name in enumerate(names)
    }
    batches = {name: [7.0 + k, 8.0 + k] for k, name in enumerate(names)}
    batches |= {"train batch": [1, 11], "validation batch": [10.0, 20.0]}
    result = {"epochs": curves, "batches": batches, "batches an epoch": BATCHES, "kept epochs": 2}
    return Finished({}, seed, result)


def test_the_error_is_what_the_accuracy_leaves_of_100():
    result = {"epochs": {"train accuracy": [90.0, 95.5]}, "batches": {"train accuracy": [12.5]}}
    assert curve(result, "train", "error") == [10.0, 4.5]
    assert curve(result, "train", "error", "batches") == [87.5]
    assert curve(result, "train", "accuracy") == [90.0, 95.5]


def test_curves_against_the_epoch():
    plot = epoch_plot("d-epochs", "A caption.", [finished(0), finished(1)], published=PUBLISHED, mark=20)
    loss, accuracy, error = plot.panels
    assert [panel.y_label for panel in plot.panels] == ["cross-entropy (nats)", "accuracy (%)", "error (%)"]
    train, validation = accuracy.series
    assert (train.label, validation.label) == ("train", "validation")
    assert list(train.x) == list(range(1, EPOCHS + 1))
    assert [run[0] for run in train.y] == [100.0, 100.1]
    assert [run[-1] for run in validation.y] == [329.0, 329.1]
    assert error.series[0].y[0][0] == 0.0
    assert loss.lines == ()
    assert accuracy.lines == (("train 93.33", 93.33), ("validation 92.02", 92.02))
    assert [label for label, _ in error.lines] == ["train 6.67", "validation 7.98"]
    assert [value for _, value in error.lines] == pytest.approx([6.67, 7.98])
    assert loss.marks == (("epoch 20", 20.0),)


def test_an_epoch_that_was_not_reached_is_not_marked():
    plot = epoch_plot("d-epochs", "A caption.", [finished(epochs=2)], published=PUBLISHED, mark=20)
    assert [panel.marks for panel in plot.panels] == [(), (), ()]


def test_curves_against_the_batch():
    plot = batch_plot("d-batches", "A caption.", finished())
    titles = [f"{q}, {part}" for q in ("Loss", "Accuracy", "Error") for part in ("train", "validation")]
    assert [panel.title for panel in plot.panels] == titles
    each, mean = plot.panels[0].series
    assert (list(each.x), each.y, each.dots) == ([1, 11], [[7.0, 8.0]], True)
    assert (list(mean.x), mean.y) == ([5.0, 15.0], [[0.0, 1.0]])  # in the middle of its epoch's batches
    each, mean = plot.panels[3].series
    assert (list(each.x), each.y) == ([10.0, 20.0], [[10.0, 11.0]])
    assert (list(mean.x), mean.y) == ([15.0, 25.0], [[300.0, 301.0]])


def test_cells_side_by_side():
    cells = {"mask of ones": [finished(0), finished(1)], "true mask": [finished(2)]}
    plot = comparison_plot("d-masks", "A caption.", cells, PUBLISHED)
    assert [panel.title for panel in plot.panels] == ["Train accuracy", "Validation accuracy"]
    train, validation = plot.panels
    assert [(series.label, series.part) for series in train.series] == [
        ("mask of ones", None),
        ("true mask", None),
    ]
    assert [len(series.y) for series in train.series] == [2, 1]
    assert train.series[1].y[0][0] == 100.2
    assert validation.series[1].y[0][0] == 300.2
    assert validation.lines == (("published 92.02", 92.02),)


def with_curves(seed=0):
    """Return a run with two curves that have their own points."""
    curves = {}
    for step in (1, 10, 20):
        add_point(curves, "train loss", step, 3.0 - step / 10 + seed)
    add_point(curves, "test loss", 20, 1.5 + seed)
    return Finished({}, seed, {"curves": curves})


def test_each_curve_has_its_own_points_in_their_order():
    curves = with_curves().result["curves"]
    assert curves["train loss"] == {"x": [1, 10, 20], "y": [2.9, 2.0, 1.0]}
    assert curves["test loss"] == {"x": [20], "y": [1.5]}


def test_a_curves_values_are_found_by_their_place():
    result = with_curves().result
    assert (last(result, "train loss"), last(result, "test loss")) == (1.0, 1.5)
    assert (value_at(result, "train loss", 1), value_at(result, "train loss", 10)) == (2.9, 2.0)
    with pytest.raises(ValueError, match="5"):
        value_at(result, "train loss", 5)


def test_a_curve_of_several_runs_is_one_series():
    series = series_of("mine", [with_curves(0), with_curves(4)], "train loss", "train")
    assert (series.label, series.part) == ("mine", "train")
    assert list(series.x) == [1, 10, 20]
    assert [list(run) for run in series.y] == [[2.9, 2.0, 1.0], [6.9, 6.0, 5.0]]
    assert series_of("mine", [with_curves()], "test loss").part is None
