"""Peak memory, cores, and the environment of child processes."""

import os
import subprocess
import sys

import pytest
from bench.system import child_environment, cores, on_cores, peak_memory

from bench import system


def test_the_peak_grows_and_stays():
    program = (
        "from bench.system import peak_memory as p; import numpy as np; a = p();"
        "x = np.ones(50_000_000, np.uint8); del x; print((p() - a) / 1e6)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 40 < float(done.stdout) < 80


def test_without_the_files_of_linux_the_system_is_asked(monkeypatch, tmp_path):
    exact = peak_memory()
    monkeypatch.setattr(system, "STATUS", tmp_path / "none")
    assert 0.5 * exact < peak_memory() < 100 * exact


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system binds no process to cores")
def test_a_process_starts_on_its_cores_and_we_keep_ours():
    before = cores()
    with on_cores(1):
        assert cores() == before[-1:]
    assert cores() == before
    with pytest.raises(ZeroDivisionError), on_cores(1):
        raise ZeroDivisionError
    assert cores() == before


def test_where_processes_cannot_be_bound_all_cores_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    with on_cores(2):
        assert cores() == [0, 1, 2]


def test_a_child_process_finds_bench_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path[1:]).replace(str(system.ROOT) + os.pathsep, ""))
    command = [sys.executable, "-c", "import bench.worker, pellucid; print(bench.worker.__name__)"]
    done = subprocess.run(
        command, cwd=tmp_path, env=child_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "bench.worker\n"
