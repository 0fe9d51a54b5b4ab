import importlib.util
import json
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool(monkeypatch):
    """Load the script as if PyTorch were not installed."""
    spec = importlib.util.spec_from_file_location("add_torch", ROOT / "tools" / "add_torch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    return module


@pytest.fixture
def pip(tool, monkeypatch):
    """Replace pip by one that plans to install the given packages; return its calls."""
    asked = []

    def place(*names, plan_fails=None, install_fails=None):
        def run(*arguments):
            asked.append(arguments)
            failure = plan_fails if "--dry-run" in arguments else install_fails
            plan = json.dumps({"install": [{"metadata": {"name": name}} for name in names]})
            return subprocess.CompletedProcess(arguments, 0 if failure is None else 1, plan, failure or "")

        monkeypatch.setattr(tool, "pip", run)
        return asked

    return place


def installs(asked):
    return [arguments for arguments in asked if "--dry-run" not in arguments]


def test_a_cpu_build_is_installed(tool, pip, capsys):
    asked = pip("torch", "numpy", "sympy", "typing_extensions")
    tool.main()
    assert "--dry-run" in asked[0]
    assert installs(asked) == [(tool.REQUIREMENT,)]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("package", ["nvidia-cublas-cu12", "triton", "NVIDIA-cudnn", "cuda-bindings"])
def test_a_cuda_build_is_left_out(tool, pip, capsys, package):
    asked = pip("torch", package, "nvidia-nccl-cu12")
    tool.main()
    assert installs(asked) == []
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("PyTorch was skipped: pip would install 2 CUDA packages; to install it: ")
    assert line.endswith(f"-m pip install '{tool.REQUIREMENT}'")


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [("WARNING: slow\nERROR: no such host\n", "ERROR: no such host"), ("", "pip failed")],
)
@pytest.mark.parametrize("step", ["plan_fails", "install_fails"])
def test_a_failure_of_pip_is_reported_and_stops_nothing(tool, pip, capsys, stderr, reason, step):
    asked = pip("torch", **{step: stderr})
    tool.main()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"PyTorch was skipped: {reason}; to install it: ")
    assert len(installs(asked)) == (step == "install_fails")


def test_pip_is_not_called_if_torch_is_installed(tool, pip, monkeypatch, capsys):
    asked = pip("torch")
    monkeypatch.setattr(tool, "find_spec", lambda name: object())
    tool.main()
    assert asked == []
    assert capsys.readouterr().out == ""


def test_the_version_is_the_projects(tool):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert tool.REQUIREMENT in project["optional-dependencies"]["compare"]
    assert tool.REQUIREMENT.startswith("torch==")
