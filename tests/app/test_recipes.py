"""Recipes: they are settings, go together, and learn."""

import numpy as np
import pytest

from pellucid.app.config import merge
from pellucid.app.labelled_rows import divide, load_rows
from pellucid.app.recipes import PURPOSES, RECIPES
from pellucid.app.settings import TrainSettings
from pellucid.app.train import score
from pellucid.app.training_run import TrainingRun


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
