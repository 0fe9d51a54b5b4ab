"""Settings from a TOML file: flags override it, it overrides the defaults, and mistakes name the file."""

import time
from pathlib import Path

import pytest

from pellucid.app.config import merge
from pellucid.app.settings import TrainSettings

EXAMPLE = Path(__file__).parents[2] / "examples" / "train.toml"


def written(tmp_path, text):
    path = tmp_path / "train.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_flags_over_file_over_defaults(tmp_path):
    path = written(tmp_path, 'source = "digits"\nepochs = 7\nlearning-rate = 1\nbatch_size = 5\nsave = "a"')
    settings = merge(path, {"epochs": 9, "hidden": [4, 3]})
    assert settings == TrainSettings(
        source="digits", epochs=9, learning_rate=1.0, batch_size=5, save=Path("a"), hidden=(4, 3)
    )
    assert isinstance(settings.learning_rate, float)


def test_one_value_stands_for_a_list_of_one(tmp_path):
    settings = merge(written(tmp_path, 'source = "a"\nhidden = 8\nactivation = "tanh"'), {})
    assert (settings.hidden, settings.activation) == ((8,), ("tanh",))
    assert merge(written(tmp_path, 'source = "a"\nhidden = []'), {}).hidden == ()


def test_flags_and_file_override_the_recipe_wherever_it_is_named(tmp_path):
    named_here = merge(written(tmp_path, 'source = "mnist"\nrecipe = "fast"\nepochs = 7'), {"hidden": [9]})
    named_there = merge(written(tmp_path, 'source = "mnist"\nepochs = 7'), {"hidden": [9], "recipe": "fast"})
    assert named_here == named_there
    values = (named_here.recipe, named_here.epochs, named_here.hidden, named_here.optimizer)
    assert values == ("fast", 7, (9,), "sgd")
    plain = merge(written(tmp_path, 'source = "mnist"\nepochs = 7'), {"hidden": [9]})
    assert (plain.recipe, plain.optimizer) == (None, "adam")


def test_a_flag_with_the_default_goes_before_the_recipe():
    assert merge(None, {"source": "mnist", "recipe": "fast", "label_smoothing": 0.0}).label_smoothing == 0
    assert merge(None, {"source": "mnist", "recipe": "fast", "subtract_mean": False}).subtract_mean is False


def test_an_unknown_recipe_among_the_flags():
    with pytest.raises(ValueError, match=r"^--recipe must be one of fast, got 'slow'$"):
        merge(None, {"source": "mnist", "recipe": "slow"})


WRONG = [
    ("epoch = 3", "there is no setting 'epoch': did you mean epochs?"),
    ("Batch-Sise = 3", "there is no setting 'Batch-Sise': did you mean batch-size?"),
    ("zzz = 3", "there is no setting 'zzz', expected one of source, recipe, label, test,"),
    ("[training]\nepochs = 3", "there is no setting 'training', expected one of"),
    ('epochs = "3"', "--epochs must be a whole number, got '3'"),
    ("epochs = 3.0", "--epochs must be a whole number, got 3.0"),
    ("epochs = true", "--epochs must be a whole number, got True"),
    ("dropout = true", "--dropout must be a number, got True"),
    ("nesterov = 1", "--nesterov must be true or false, got 1"),
    ("hidden = [3, 2.5]", "--hidden must be a whole number, got 2.5"),
    ('recipe = "slow"', "--recipe must be one of fast, got 'slow'"),
    ('recipe = ["fast"]', "--recipe must be text, got ['fast']"),
    ("label = 3", "--label must be text, got 3"),
    ("save = 3", "--save must be a path as text, got 3"),
    ("epochs = 0", "--epochs must be at least 1, got 0"),
    ("dropout = nan", "--dropout must be >= 0 and < 1, got nan"),
    ("learning-rate = 1\nlearning_rate = 2", "'learning_rate' is given twice"),
    ("epochs = ", "not a TOML file: Invalid value (at end"),
    ("epochs = 1\nepochs = 2", "not a TOML file: Cannot overwrite"),
    (b"\xff", "not a TOML file: 'utf-8' codec"),
    ("a = " + "[" * 30_000, "not a TOML file"),
    (b"#" * ((1 << 15) + 1), "a config file has at most 32,768 bytes"),
    ("learning-rate = 1" + "0" * 400, "--learning-rate must be a number of 64 bits, got one of 1,329"),
    ("seed = 0x" + "f" * 6000, "--seed must be a number of 64 bits, got one of 24,000"),
    ("epochs = -9223372036854775809", "--epochs must be a number of 64 bits, got one of 64"),
    ("e" * 3000 + " = 1", "there is no setting 'eeee"),
    ('"a\\nb" = 1', r"there is no setting 'a\nb', expected one of source"),
    (f'init = "{"x" * 3000}"', "--init must be one of he-normal"),
    (f'epochs = "{"x" * 3000}"', "--epochs must be a whole number, got 'xxx"),
    (
        "# 1\n" + ".".join("a" * 15_000) + " = 1",
        "not a TOML file: line 2 has 14,999 dots, at most 200 are read",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=range(len(WRONG)))
def test_mistakes_name_the_file_and_the_fix(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(ValueError) as caught:
        merge(path, {"source": "digits"})
    assert str(caught.value).startswith(f"{path}: {message}")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_a_mistake_in_a_flag_does_not_blame_the_file(tmp_path):
    with pytest.raises(ValueError, match=r"^--epochs must be at least 1, got 0$"):
        merge(written(tmp_path, "epochs = 3"), {"source": "digits", "epochs": 0})


def test_a_file_that_is_not_there():
    with pytest.raises(ValueError, match=r"^no\.toml: there is no such file: name a TOML file"):
        merge(Path("no.toml"), {})


def test_the_example_in_the_repository():
    settings = merge(EXAMPLE, {})
    assert (settings.source, settings.hidden, settings.schedule) == ("digits", (64, 32), "cosine")
    lines = EXAMPLE.read_text().splitlines()
    keys = {line.lstrip("# ").split(" = ")[0].replace("-", "_") for line in lines if " = " in line}
    assert keys == set(TrainSettings.__dataclass_fields__) - {"folder"}


def test_the_slowest_file_that_is_read_is_read_soon(tmp_path):
    key = ".".join("a" * 201)
    text = "\n".join(f"{key}{i} = 1" for i in range((1 << 15) // (len(key) + 9)))
    start = time.process_time()
    with pytest.raises(ValueError, match="there is no setting 'a'"):
        merge(written(tmp_path, text), {})
    assert time.process_time() - start < 5
