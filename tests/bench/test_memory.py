"""The peak is that of this process, and it grows with what is held."""

import subprocess
import sys

from bench.memory import peak_memory

from bench import memory


def test_the_peak_grows_and_stays():
    program = (
        "from bench.memory import peak_memory as p; import numpy as np; a = p();"
        "x = np.ones(50_000_000, np.uint8); del x; print((p() - a) / 1e6)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 40 < float(done.stdout) < 80


def test_without_the_files_of_linux_the_system_is_asked(monkeypatch, tmp_path):
    exact = peak_memory()
    monkeypatch.setattr(memory, "STATUS", tmp_path / "none")
    assert 0.5 * exact < peak_memory() < 100 * exact
