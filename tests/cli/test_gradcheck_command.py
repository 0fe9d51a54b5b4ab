"""`pellucid gradcheck`: output, exit status, and flags that contradict each other."""

import re
from pathlib import Path

import pytest

import pellucid as pl

RIGHT = "right: backpropagation agrees with differences in every block"


def blocks(out):
    """Return the verdict on each block."""
    rows = [line.split("│")[1:-1] for line in out.splitlines() if line.startswith("│")]
    return {row[0].strip(): row[-1].strip() for row in rows}


def test_without_arguments(run):
    code, out, err = run("gradcheck")
    assert (code, err) == (0, "")
    assert out.startswith("digits: 20 rows, SoftmaxCrossEntropy(), 7,510 parameters in float64\n")
    assert blocks(out) == dict.fromkeys(("1.W", "1.b", "3.W", "3.b", "all"), "right")
    assert out.splitlines()[-1] == RIGHT
    assert list(Path.cwd().iterdir()) == []


def test_settings_are_those_of_training(run):
    flags = "--hidden 9 --hidden 4 --activation tanh --activation sigmoid --dropout 0.2 --init zeros --seed 3"
    more = "--loss mean-squared-error --label-smoothing 0.1 --rows 7 --directions 2"
    code, out, err = run("gradcheck", "digits", *flags.split(), *more.split())
    assert (code, err) == (0, "")
    assert out.startswith(
        "digits: 7 rows, MeanSquaredError(label_smoothing=0.1), 675 parameters in float64\n"
    )
    assert "of 2 directions a block the worst" in out
    assert [*blocks(out)] == ["1.W", "1.b", "4.W", "4.b", "7.W", "7.b", "all"]


def test_a_config_file_of_training_and_flags_over_it(run):
    Path("t.csv").write_text("a,b,kind\n1,2,x\n3,4,y\n1.5,2,x\n3,5,y\n")
    Path("c.toml").write_text(
        'source = "t.csv"\nlabel = "kind"\nhidden = [3]\nepochs = 5\nactivation = "tanh"'
    )
    code, out, _ = run("gradcheck", "--config", "c.toml", "--hidden", 5)
    assert code == 0
    assert out.startswith("t.csv: 4 rows, SoftmaxCrossEntropy(), 27 parameters in float64\n")
    assert "12h, h = 0.001" in out
    assert run("gradcheck", "digits", "--config", "c.toml", "--hidden", 5)[1].startswith("digits: 20 rows")


def test_a_saved_network(run):
    assert run("train", "digits", "--hidden", 5, "--dropout", 0.1, "--epochs", 1, "--save", "net")[0] == 0
    code, out, err = run("gradcheck", "--model", "net", "--seed", 2, "--label-smoothing", 0.1)
    assert (code, err) == (0, "")
    assert out.startswith(
        "digits: 20 rows, SoftmaxCrossEntropy(label_smoothing=0.1), 385 parameters in float"
    )
    assert set(blocks(out).values()) == {"right"}


def planted(monkeypatch, layer):
    """Flip the sign of the backward pass of a layer."""
    right = layer.backward
    monkeypatch.setattr(layer, "backward", lambda self, dy: -right(self, dy))


def test_a_wrong_backward_pass_is_exit_status_1(run, monkeypatch):
    planted(monkeypatch, pl.Tanh)
    code, out, err = run("gradcheck", "--activation", "tanh", "--hidden", 6)
    assert (code, err) == (1, "")
    assert {block for block, answer in blocks(out).items() if answer == "wrong"} == {"1.W", "1.b", "all"}
    assert out.splitlines()[-4:] == [
        "wrong: 1.W, 1.b, all",
        "look at dW or db of layers[1], Dense(6)",
        "look at dx of layers[2], Tanh()",
        "look at dx of layers[3], Dense(10)",
    ]


def test_what_has_no_part_in_the_gradient_is_not_blamed(run, monkeypatch):
    """The gradient of the input is not computed, so Rescale, the first layer, has no backward pass."""
    planted(monkeypatch, pl.Rescale)
    assert run("gradcheck", "--hidden", 6)[0] == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--rows 0", "--rows must be at least 1, got 0"),
        ("--directions -2", "--directions must be at least 1, got -2"),
        ("minst", "'minst' is neither a data set .* did you mean mnist?"),
        ("--loss hinge", "--loss must be one of softmax-cross-entropy, .*, got 'hinge'"),
        ("--dropout 1", "--dropout must be >= 0 and < 1, got 1.0"),
        ("--model none", "there is no model none: pellucid train digits --save none makes one"),
        ("--config none.toml", "none.toml: there is no such file"),
        ("t.csv --label b", "t.csv: there is no column 'b'"),
        *(
            (f"--model net {each}", f"{each.split()[0]} is for a new network, and --model is a saved one")
            for each in ("--hidden 3", "--activation tanh", "--init zeros", "--dropout 0", "--config c.toml")
        ),
        ("--model net --loss mean-squared-error", "--loss is for a new network"),
        ("--model net --label kind", "--label is for a new network"),
    ],
)
def test_a_mistake_ends_in_one_line(run, flags, message):
    Path("t.csv").write_text("a,label\n1,x\n2,y\n")
    code, out, err = run("gradcheck", *flags.split())
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert re.match(f"pellucid: {message}", line)


def test_help_is_that_of_train(run):
    """Flags with the same name have the same help text."""
    _, ours, _ = run("gradcheck", "--help")
    _, theirs, _ = run("train", "--help")
    for words in (
        "Initializer of the hidden layers' weights:",
        "Fraction of hidden outputs dropped in training.",
        "CSV column that holds the classes.",
    ):
        assert words in ours
        assert words in theirs
