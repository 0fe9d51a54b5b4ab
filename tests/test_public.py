"""The public names: each has a docstring with an example, which --doctest-modules runs."""

import doctest
import importlib
import inspect
import re
import rlcompleter

import numpy as np
import pytest

import pellucid as pl

#: Every name that the design promises.
PROMISED = (
    "load_dataset Network Rescale Dense Tanh Dropout ReLU LeakyReLU Sigmoid Softmax Identity Layer "
    "SoftmaxCrossEntropy SigmoidCrossEntropy MeanSquaredError SGD Adam train evaluate Record gradcheck "
    "lecun_uniform lecun_normal glorot_uniform glorot_normal xavier_uniform xavier_normal "
    "he_uniform he_normal kaiming_uniform kaiming_normal zeros uniform normal step_decay cosine one_cycle "
    "accuracy error confusion_matrix precision recall f1"
)
#: All public names but constants.
NAMES = [name for name in pl.__all__ if callable(getattr(pl, name))]


def test_every_promised_name_is_there():
    assert set(PROMISED.split()) <= set(pl.__all__)
    assert len(set(pl.__all__)) == len(pl.__all__)
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", pl.__version__)


def test_dir_lists_public_names_only():
    assert {name for name in dir(pl) if not name.startswith("__")} == set(pl.__all__)
    assert {"__all__", "__doc__", "__file__", "__path__", "__version__"} <= set(dir(pl))


def test_tab_completion_offers_no_submodules():
    complete = rlcompleter.Completer({"pl": pl}).complete
    offered = [complete("pl.", i) for i in range(len(pl.__all__) + 1)]
    assert {re.sub(r"\W", "", name.removeprefix("pl.")) for name in offered if name} == set(pl.__all__)


@pytest.mark.parametrize("name", ["backend", "checks", "layers", "losses", "network", "training"])
def test_submodules_can_be_imported(name):
    assert importlib.import_module(f"pellucid.{name}") is getattr(pl, name)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_documented_with_an_example(name):
    public = getattr(pl, name)
    documentation = vars(public).get("__doc__") if inspect.isclass(public) else public.__doc__
    assert documentation, f"{name} has no docstring of its own"
    first = documentation.strip().splitlines()[0]
    assert first.endswith((".", "?"))
    assert doctest.DocTestParser().get_examples(documentation), f"{name} has no example"


@pytest.mark.parametrize("name", [name for name in pl.__all__ if inspect.isclass(getattr(pl, name))])
def test_every_public_method_is_documented(name):
    public = getattr(pl, name)
    for method, value in vars(public).items():
        if not method.startswith("_") and (
            inspect.isfunction(value) or isinstance(value, property | classmethod)
        ):
            assert inspect.getdoc(value), f"{name}.{method} has no docstring"


def test_settings_are_keywords_not_positions():
    """No positional booleans, and the README's program, in small."""
    for name in NAMES:
        public = getattr(pl, name)
        if not inspect.isclass(public) or "__init__" in vars(public):
            for parameter in inspect.signature(public).parameters.values():
                assert not isinstance(parameter.default, bool) or parameter.kind == parameter.KEYWORD_ONLY
                assert (
                    parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
                    or name == "DataError"
                )


def test_the_first_page(rng):
    net = pl.Network(
        [pl.Rescale(1 / 16), pl.Dense(30, init=pl.lecun_uniform), pl.Tanh(), pl.Dropout(0.1), pl.Dense(10)]
    )
    net.build(n_in=64, rng=np.random.default_rng(0), dtype=np.float32)
    data = pl.load_dataset("digits")
    loss, optimizer = pl.SoftmaxCrossEntropy(), pl.SGD(learning_rate=0.1, momentum=0.9)
    for record in pl.train(
        net,
        loss,
        optimizer,
        data.x_train,
        data.y_train,
        epochs=10,
        batch_size=32,
        validation=(data.x_test, data.y_test),
        rng=np.random.default_rng(1),
    ):
        assert record.epoch >= 1
    assert record.loss < 0.1
    assert record.accuracy > 0.95
    assert record.validation_loss < 0.25
    assert record.validation_accuracy > 0.94
