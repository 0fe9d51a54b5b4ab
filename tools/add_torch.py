"""Install PyTorch if pip offers a CPU-only build; skip it if pip would install CUDA packages.

A dry run of pip shows which. On many machines PyTorch depends on several GB of CUDA packages, which nothing
here needs. Everything else works without PyTorch, and comparisons with it say how to install it.
"""

import json
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
REQUIREMENT = next(line for line in PROJECT["optional-dependencies"]["compare"] if line.startswith("torch"))
GPU_PACKAGES = ("nvidia-", "cuda-", "triton", "pytorch-triton")


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this environment's pip."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def reason(failed: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of pip's error output."""
    return (failed.stderr.strip().splitlines() or ["pip failed"])[-1]


def main() -> None:
    """Install PyTorch, or say in one line why not."""
    if find_spec("torch") is not None:
        return
    by_hand = f"to install it: {sys.executable} -m pip install '{REQUIREMENT}'"
    plan = pip("--dry-run", "--report", "-", REQUIREMENT)
    if plan.returncode != 0:
        print(f"PyTorch was skipped: {reason(plan)}; {by_hand}")
        return
    names = [item["metadata"]["name"].lower() for item in json.loads(plan.stdout)["install"]]
    unwanted = [name for name in names if name.startswith(GPU_PACKAGES)]
    if unwanted:
        print(f"PyTorch was skipped: pip would install {len(unwanted)} CUDA packages; {by_hand}")
        return
    installed = pip(REQUIREMENT)
    if installed.returncode != 0:
        print(f"PyTorch was skipped: {reason(installed)}; {by_hand}")


if __name__ == "__main__":
    main()
