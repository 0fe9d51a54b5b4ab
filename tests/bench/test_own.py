"""pellucid by itself, on toy sizes."""

import sys

import numpy as np
from bench.workloads import Workload

from bench import own

FOUND = {
    "many": {"D": {"title": "a net", "one": 1.0, "several": 3.0, "ratio": 3.0, "networks": 10, "bar": 4.0}},
    "start-up": {"over numpy": {"import pellucid": 0.05}, "bars": {"import pellucid": 0.06}},
    "memory": {"plain": 100.0},
    "disk": {"bytes": 2e9, "ratio": 0.81, "reading": 0.95},
}


def test_several_networks_against_one(monkeypatch):
    """Ten networks take longer than one."""
    data = np.zeros((2000, 784), np.uint8), np.arange(2000) % 10
    monkeypatch.setattr(own.Problem, "data", data)
    found = own.many(Workload("toy", (784, 20, 10), "relu", 32, 2000, "sgd"), rounds=3)
    assert found["networks"] == 10
    assert found["ratio"] == found["several"] / found["one"] > 1


def test_start_up_is_counted_over_numpy(monkeypatch):
    short, long = ["-c", "pass"], ["-c", "import time; time.sleep(0.3)"]
    monkeypatch.setattr(
        own, "START_UPS", {"import numpy": short, "import pellucid": long, "pellucid --help": short}
    )
    over = own.start_up(rounds=1)["over numpy"]
    assert over["import numpy"] == 0
    assert 0.2 < over["import pellucid"] < 2


def test_start_up_is_measured_with_bytecode_as_installed_packages_have_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "bytecode"))
    log, there = tmp_path / "log", "os.path.exists(importlib.util.find_spec('pellucid').cached)"
    code = f"import importlib.util, os; print({there}, file=open({str(log)!r}, 'a')); import pellucid"
    monkeypatch.setattr(own, "START_UPS", {"import numpy": ["-c", "pass"], "import pellucid": ["-c", code]})
    own.start_up(rounds=1)
    assert log.read_text().split() == ["False", "True", "True"]


def test_memory_is_that_of_the_process_itself(monkeypatch):
    """The memory of this process, which is larger, does not count."""
    held = np.ones(200 * 2**20, np.uint8)
    program = "from bench.system import peak_memory; print(peak_memory() / 2**20)"
    monkeypatch.setattr(own, "MEMORY", program)
    if sys.platform == "linux":
        assert own.peak_memory(compiled=False) < 150 < held.nbytes / 2**20


def test_the_table():
    lines = own.markdown(FOUND).splitlines()
    assert lines[2:] == [
        "| 10 networks at once, D: a net | 3.00 times one alone | ≤ 4 times |",
        "| `import pellucid`, over `import numpy` | 50 ms | ≤ 60 ms |",
        "| peak memory of training C's network on MNIST, plain | 105 MB | ≤ 250 MB |",
        "| speed of training from a cold file of 2.0 GB, relative to memory | 81 % | ≥ 70 % |",
        "| time of only reading that file, relative to training from it | 95 % | shown |",
    ]


def test_training_from_a_file_is_measured_and_the_file_is_removed(tmp_path):
    found = own.from_disk(tmp_path, gibibytes=0.04, rounds=2)
    assert found["bytes"] == found["rows"] * 784 > 32 * 2**20  # larger than a window: read from the file
    assert {name: len(each) for name, each in found["seconds"].items()} == {
        "file": 2,
        "memory": 2,
        "reading": 2,
    }
    assert 0 < found["ratio"] < 2
    assert 0 < found["reading"] < 2
    assert list(tmp_path.iterdir()) == []
