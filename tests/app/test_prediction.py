"""Predictions: probabilities against those of SciPy, the table, and models that do not fit their notes."""

import csv

import numpy as np
import pytest
from scipy import special

import pellucid as pl
from pellucid.app.inputs import Inputs
from pellucid.app.model_notes import ModelNotes
from pellucid.app.prediction import Predictions, load_model, predict, probabilities

OUTPUTS = np.array([[0.5, -1, 3], [-800, 900, 899]])


def test_softmax():
    np.testing.assert_allclose(
        probabilities(OUTPUTS, "softmax-cross-entropy"), special.softmax(OUTPUTS, axis=1), rtol=1e-12
    )


def test_sigmoid():
    np.testing.assert_allclose(
        probabilities(OUTPUTS, "sigmoid-cross-entropy"), special.expit(OUTPUTS), rtol=1e-12
    )


def test_outputs_of_the_squared_error_are_probabilities_already():
    outputs = np.array([[0.2, 0.9]])
    np.testing.assert_array_equal(probabilities(outputs, "mean-squared-error"), outputs)


@pytest.mark.parametrize(
    ("loss", "outputs"), [("sigmoid-cross-entropy", 2.0), ("mean-squared-error", 0.880797)]
)
def test_one_output_is_the_second_class(loss, outputs):
    np.testing.assert_allclose(probabilities(np.array([[outputs]]), loss), [[0.119203, 0.880797]], atol=1e-6)


def test_the_table():
    inputs = Inputs(np.zeros((2, 1)), "file", ["a,b.png", "é"], y=np.array([1, 1]))
    predictions = Predictions(inputs, ("no", 'a "b"'), np.array([[0.75, 0.25], [0.1, 0.9]]))
    rows = list(csv.reader("".join(predictions.lines()).splitlines()))
    assert rows == [
        ["file", "label", "p_no", 'p_a "b"'],
        ["a,b.png", "no", "0.750000", "0.250000"],
        ["é", 'a "b"', "0.100000", "0.900000"],
    ]
    assert predictions.correct == 1


def test_a_long_table_is_whole():
    n = 2501
    inputs = Inputs(np.zeros((n, 1)), "row", range(1, n + 1))
    table = "".join(Predictions(inputs, ("x", "y"), np.full((n, 2), 0.5)).lines()).splitlines()
    assert [line.split(",")[0] for line in table[1:]] == [str(k) for k in range(1, n + 1)]


NOTES = ModelNotes(("no", "yes"), ("a", "b"), "label", None, None, "softmax-cross-entropy")


def saved(path, n_out=2, n_in=2, notes=None):
    net = pl.Network([pl.Rescale([2.0] * n_in, 1), pl.Dense(n_out)]).build(n_in, rng=np.random.default_rng(0))
    net.notes = (notes or NOTES).to_json()
    net.save(path)
    return net


def test_a_saved_model_predicts_what_it_did_before(tmp_path):
    net, x = saved(tmp_path / "m"), np.array([[1.0, -3], [4, 2]])
    again, notes = load_model(tmp_path / "m")
    predictions = predict(again, notes, Inputs(x, "row", [1, 2]))
    np.testing.assert_array_equal(predictions.predicted, net.predict(x).argmax(axis=1))
    np.testing.assert_allclose(predictions.probabilities, special.softmax(net.predict(x), axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("n_out", "n_in", "notes"),
    [
        (3, 2, NOTES),
        (2, 3, NOTES),
        (1, 2, ModelNotes(tuple("xyz"), ("a", "b"), "l", None, None, "mean-squared-error")),
        (2, 2, ModelNotes(("no", "yes"), ("a", "b"), "l", (2, 2), 255, "mean-squared-error")),
    ],
)
def test_notes_that_do_not_fit_the_network(tmp_path, n_out, n_in, notes):
    saved(tmp_path / "m", n_out, n_in, notes)
    with pytest.raises(
        ValueError, match=r"m: its notes do not fit its network: 2 features and [23] classes, but .* inputs"
    ):
        load_model(tmp_path / "m")


def test_files_that_are_no_models(tmp_path):
    with pytest.raises(ValueError, match=r"there is no model .*none: pellucid train digits --save"):
        load_model(tmp_path / "none")
    (tmp_path / "text").write_text("hello world")
    with pytest.raises(ValueError, match="text: not a safetensors file"):
        load_model(tmp_path / "text")
    pl.Network([pl.Dense(2)]).build(2, rng=np.random.default_rng(0)).save(tmp_path / "own")
    with pytest.raises(ValueError, match=r"own: not a model of `pellucid train`: 'classes' is missing"):
        load_model(tmp_path / "own")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_model_whose_weights_are_no_numbers(tmp_path, wrong):
    net = saved(tmp_path / "m")
    net.theta[3] = wrong
    net.save(tmp_path / "m")
    with pytest.raises(
        ValueError, match=r"m: some of its weights are not finite numbers, so it cannot predict"
    ):
        load_model(tmp_path / "m")
