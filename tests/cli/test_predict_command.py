"""`pellucid predict`: from a saved model to a table on the screen or in a file."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import pellucid as pl


@pytest.fixture
def model(run):
    """Train a small network on digits, in the folder of the test."""
    assert run("train", "digits", "--epochs", 5, "--save", "net")[0] == 0
    return "net"


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_data_set_on_the_screen(run, model):
    code, out, err = run("predict", model, "digits")
    rows, data = table(out), pl.load_dataset("digits")
    assert (code, len(rows)) == (0, 360)
    assert list(rows[0]) == ["row", "label", *(f"p_{k}" for k in range(10))]
    predicted = pl.Network.load(model).predict(data.x_test).argmax(axis=1)
    assert [int(row["label"]) for row in rows] == predicted.tolist()
    assert all(abs(sum(float(row[f"p_{k}"]) for k in range(10)) - 1) < 1e-5 for row in rows)
    correct = (predicted == data.y_test).sum()
    assert err == f"accuracy {correct / 360:.2%} ({correct} of 360)\n"


def test_out_is_written_whole(run, model):
    out = run("predict", model, "digits")[1]
    code, printed, _ = run("predict", model, "digits", "--out", "[b]p.csv")
    assert (code, printed) == (0, "written: [b]p.csv (360 rows)\n")
    assert Path("[b]p.csv").read_text() == out


def test_pictures(run, model):
    data = pl.load_dataset("digits")
    for k in range(3):
        light = Image.fromarray(data.x_test[k].reshape(8, 8) * 15)
        light.save(f"{k}.png")
        Image.eval(light.resize((64, 64), Image.Resampling.NEAREST), lambda v: 255 - v).save(f"ink{k}.png")
    labels = [row["label"] for row in table(run("predict", model, "digits")[1])[:3]]
    code, out, err = run("predict", model, "0.png", "1.png", "2.png")
    assert (code, err) == (0, "")
    assert [(row["file"], row["label"]) for row in table(out)] == [(f"{k}.png", labels[k]) for k in range(3)]
    code, out, err = run("predict", model, *(f"ink{k}.png" for k in range(3)), "--resize", "--invert")
    assert [row["label"] for row in table(out)] == labels
    code, out, err = run("predict", model, "ink0.png", "--resize")
    assert "try --invert" in err


def test_a_mistake_leaves_an_old_file_alone(run, model):
    Path("p.csv").write_text("mine")
    Path("t.csv").write_text("a,b\n1,2\n")
    code, out, err = run("predict", model, "t.csv", "--out", "p.csv")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("pellucid: t.csv: the model needs the column 'pixel0'")
    assert Path("p.csv").read_text() == "mine"


def test_a_reader_that_stops_reading(run, model):
    command = f"{sys.executable} -W error -m pellucid predict net digits | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("row,label,p_0")
    assert "Traceback" not in done.stderr
