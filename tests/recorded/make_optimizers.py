"""Record what PyTorch's optimizers do: writes optimizers.json beside this file. Needs torch.

Run it as ``python tests/recorded/make_optimizers.py``. Each case holds our arguments, PyTorch's, and the
parameters after each of 20 steps along the same gradients.
"""

import json
from pathlib import Path

import numpy as np
import torch

N_WEIGHTS, N_PARAMETERS, STEPS = 4, 6, 20
#: name of the class, our arguments, PyTorch's where they differ
CASES = [
    ("SGD", {"learning_rate": 0.1}, {}),
    ("SGD", {"learning_rate": 0.1, "weight_decay": 0.05}, {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}, {}),
    ("SGD", {"learning_rate": 0.03, "momentum": 0.5, "nesterov": True, "weight_decay": 0.01}, {}),
    ("Adam", {}, {}),
    ("Adam", {"learning_rate": 0.05, "weight_decay": 0.1}, {}),
    (
        "Adam",
        {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"betas": [0.5, 0.9], "eps": 1e-3},
    ),
]


def torch_arguments(ours: dict, different: dict) -> dict:
    """Translate our arguments to PyTorch's."""
    arguments = {key: value for key, value in ours.items() if key not in ("beta_1", "beta_2", "epsilon")}
    arguments["lr"] = arguments.pop("learning_rate", 1e-3)
    return {**arguments, **different}


def trajectory(name: str, arguments: dict, start: np.ndarray, grads: np.ndarray) -> list:
    """Return the parameters after each step; weight decay acts on the weights alone."""
    weights = torch.tensor(start[:N_WEIGHTS], requires_grad=True)
    biases = torch.tensor(start[N_WEIGHTS:], requires_grad=True)
    groups = [{"params": [weights]}, {"params": [biases], "weight_decay": 0}]
    optimizer = getattr(torch.optim, name)(groups, **arguments)
    found = []
    for grad in grads:
        weights.grad, biases.grad = torch.tensor(grad[:N_WEIGHTS]), torch.tensor(grad[N_WEIGHTS:])
        optimizer.step()
        found.append([*weights.tolist(), *biases.tolist()])
    return found


def main() -> None:
    """Write the file."""
    rng = np.random.default_rng(2024)
    start, grads = rng.normal(size=N_PARAMETERS), rng.normal(size=(STEPS, N_PARAMETERS))
    cases = [
        {
            "class": name,
            "ours": ours,
            "theta": trajectory(name, torch_arguments(ours, different), start, grads),
        }
        for name, ours, different in CASES
    ]
    recorded = {
        "torch": torch.__version__,
        "n_weights": N_WEIGHTS,
        "start": start.tolist(),
        "grads": grads.tolist(),
        "cases": cases,
    }
    Path(__file__).with_name("optimizers.json").write_text(json.dumps(recorded) + "\n")


if __name__ == "__main__":
    main()
