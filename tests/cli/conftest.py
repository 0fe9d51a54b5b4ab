"""Fixtures for the command line: call it in this process, in an empty folder."""

import gc
import sys

import numpy as np
import pytest

import pellucid as pl
from pellucid import __main__ as entry
from pellucid.data import Dataset
from pellucid.data.unpack import MissingError


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Call the command line in this process, in an empty folder; return exit status, output and errors."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            entry.main()
        gc.unfreeze()  # this process continues
        out, err = capsys.readouterr()
        code = stop.value.code
        return (1, out, err + code + "\n") if isinstance(code, str) else (code or 0, out, err)

    return call


@pytest.fixture
def mnist(monkeypatch):
    """Replace MNIST by a toy data set, without kaggle-mnist beside it."""
    x, y = np.zeros((2, 784), np.uint8), np.array([0, 1])
    data, load = Dataset("mnist", x, y, x, y, 10, (28, 28), "a test", {"toy": "ff"}), pl.load_dataset

    def load_toy(name, **about):
        if name == "kaggle-mnist":
            raise MissingError("there is no table; name a folder by folder=...")
        return data if name == "mnist" else load(name, **about)

    monkeypatch.setattr(pl, "load_dataset", load_toy)
