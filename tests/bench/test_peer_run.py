"""A peer's run in the race, in this process on toy data."""

import json
import sys
from dataclasses import replace

import numpy as np
from bench.workloads import RACE

import pellucid as pl
from bench import peer_run
from pellucid.data import Dataset


def test_it_trains_all_epochs_and_prints_the_accuracy(monkeypatch, capsys):
    """Each class has one bright pixel of its own, so three epochs are enough."""
    y = np.arange(300) % 10
    x = np.zeros((300, 784), np.uint8)
    x[np.arange(300), 50 * y] = 255
    toy = Dataset("mnist", x, y, x[:50], y[:50], 10, (28, 28), "a test", {})
    monkeypatch.setattr(pl, "load_dataset", lambda name: toy)
    recipe = replace(RACE, rows=300, batch_size=10)
    arguments = ["bench.peers.published", json.dumps(recipe.to_json()), "{}", "0"]
    monkeypatch.setattr(sys, "argv", ["peer_run", *arguments])
    peer_run.main()
    assert capsys.readouterr().out == "test accuracy 100.00% (50 of 50)\n"
