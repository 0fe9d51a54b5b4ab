"""Settings: every limit, alone and together."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.app.config import merge
from pellucid.app.labelled_rows import divide, load_rows
from pellucid.app.settings import CHOICES, PURPOSES, RECIPES, TrainSettings, check
from pellucid.app.trainer import score
from pellucid.app.training_run import TrainingRun

WRONG = [
    ({"epochs": 0}, "--epochs must be at least 1, got 0"),
    ({"batch_size": -1}, "--batch-size must be at least 0, got -1"),
    ({"hidden": (5, 0)}, "--hidden must be at least 1, got 0"),
    ({"patience": 0}, "--patience must be at least 1, got 0"),
    ({"seed": -1}, "--seed must be at least 0, got -1"),
    ({"dropout": 1.0}, "--dropout must be >= 0 and < 1, got 1.0"),
    ({"dropout": -0.1}, "--dropout must be >= 0 and < 1, got -0.1"),
    ({"momentum": 1.0}, "--momentum must be >= 0 and < 1, got 1.0"),
    ({"validation": 1.5}, "--validation must be >= 0 and < 1, got 1.5"),
    ({"test": float("nan")}, "--test must be >= 0 and < 1, got nan"),
    ({"learning_rate": 0.0}, "--learning-rate must be > 0 and finite, got 0.0"),
    ({"learning_rate": float("inf")}, "--learning-rate must be > 0 and finite, got inf"),
    ({"label_smoothing": 1.0}, "--label-smoothing must be >= 0 and < 1, got 1.0"),
    ({"recipe": "fst"}, "--recipe must be one of fast, got 'fst': did you mean fast?"),
    ({"weight_decay": -1.0}, "--weight-decay must be >= 0 and finite, got -1.0"),
    (
        {"activation": ("relu", "tahn")},
        "--activation must be one of relu, tanh, sigmoid, leaky-relu, got 'tahn': did you mean tanh?",
    ),
    ({"schedule": "x"}, "--schedule must be one of constant, step-decay, cosine, one-cycle, got 'x'"),
]


@pytest.mark.parametrize(("values", "message"), WRONG)
def test_a_value_beyond_its_limit(values, message):
    with pytest.raises(ValueError) as caught:
        TrainSettings(source="digits", **values)
    assert str(caught.value) == message


def test_values_at_their_limits():
    check(
        TrainSettings(
            source="x", epochs=1, batch_size=0, hidden=(1,), patience=1, seed=0, dropout=0.0, weight_decay=0.0
        )
    )
    check(TrainSettings(source="x", hidden=(), validation=0.0, test=0.0))


TOGETHER = [
    ({"source": ""}, "name what to train on: pellucid train digits"),
    ({"hidden": (5, 5), "activation": ("relu",) * 3}, "once for each of the 2 hidden layers, got 3"),
    ({"momentum": 0.9}, "--momentum 0.9 belongs to --optimizer sgd, got --optimizer adam"),
    ({"nesterov": True, "optimizer": "sgd"}, "--nesterov needs a momentum"),
    ({"patience": 2, "validation": 0.0}, "--patience watches the validation rows"),
    ({"save": "same", "run": "same"}, "--save and --run both name same"),
]


@pytest.mark.parametrize(("values", "message"), TOGETHER)
def test_values_that_do_not_go_together(values, message):
    with pytest.raises(ValueError, match=message):
        check(TrainSettings(**{"source": "digits", **values}))


def test_every_named_initializer_of_the_library_can_be_chosen():
    functions = {name for name in pl.__all__ if name.endswith(("_normal", "_uniform"))} | {"zeros"}
    assert {name.replace("-", "_") for name in CHOICES["init"]} == functions


def test_what_follows_from_others():
    assert TrainSettings(optimizer="sgd").rate == 0.1
    assert TrainSettings(optimizer="adam").rate == 0.001
    assert TrainSettings(optimizer="sgd", learning_rate=0.5).to_json()["learning_rate"] == 0.5
    assert TrainSettings(hidden=(3, 2), activation=("tanh", "relu")).activations == ("tanh", "relu")
    assert TrainSettings(hidden=(3, 2), activation=("tanh",)).activations == ("tanh", "tanh")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_made_of_settings_that_go_together(name):
    settings = merge(None, {"source": "digits", "recipe": name})
    assert settings.recipe == name
    assert {key: getattr(settings, key) for key in RECIPES[name]} == dict(RECIPES[name])
    usual = TrainSettings()
    assert [key for key, value in RECIPES[name].items() if getattr(usual, key) == value] == []


def test_each_recipe_says_what_it_is_for():
    assert PURPOSES.keys() == RECIPES.keys()


def test_fast_learns_digits_in_a_few_steps():
    settings = merge(None, {"source": "digits", "recipe": "fast"})
    rng, source = np.random.default_rng(settings.seed), load_rows(settings)
    parts = divide(source, settings, rng)
    run = TrainingRun(settings, source, parts, rng)
    assert (len(parts.train), len(list(run))) == (1437, 3)
    assert score(run, source, parts).correct >= 0.95 * 360
