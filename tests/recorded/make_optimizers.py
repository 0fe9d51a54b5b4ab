"""Record what PyTorch's optimizers do: writes optimizers.json beside this file. Needs torch.

Run it as ``python tests/recorded/make_optimizers.py``; the same version of PyTorch writes the same bytes.
Each case holds our arguments and the parameters after some of 120 steps along the same gradients, in float64
and in float32.
"""

import json
from pathlib import Path

import numpy as np
import torch

N_WEIGHTS, N_PARAMETERS, STEPS = 4, 6, 120
#: The steps after which the parameters are kept, from 1.
KEPT = [*range(1, 21), *range(30, STEPS + 1, 10)]
DTYPES = {"float64": torch.float64, "float32": torch.float32}
#: name of the class, our arguments, PyTorch's where they differ
CASES = [
    ("SGD", {"learning_rate": 0.1}, {}),
    ("SGD", {"learning_rate": 0.1, "weight_decay": 0.05}, {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}, {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.05}, {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}, {}),
    ("SGD", {"learning_rate": 0.03, "momentum": 0.5, "nesterov": True, "weight_decay": 0.01}, {}),
    ("Adam", {}, {}),
    ("Adam", {"learning_rate": 0.05, "weight_decay": 0.1}, {}),
    (
        "Adam",
        {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"betas": [0.5, 0.9], "eps": 1e-3},
    ),
    # Without a memory epsilon's place tells most: |g| + epsilon, not sqrt(g² + epsilon).
    (
        "Adam",
        {"learning_rate": 0.02, "beta_1": 0.0, "beta_2": 0.0, "epsilon": 0.5, "weight_decay": 0.01},
        {"betas": [0.0, 0.0], "eps": 0.5},
    ),
]


def torch_arguments(ours: dict, different: dict) -> dict:
    """Translate our arguments to PyTorch's."""
    arguments = {key: value for key, value in ours.items() if key not in ("beta_1", "beta_2", "epsilon")}
    arguments["lr"] = arguments.pop("learning_rate", 1e-3)
    return {**arguments, **different}


def trajectory(name: str, arguments: dict, start: np.ndarray, grads: np.ndarray, dtype: torch.dtype) -> list:
    """Return the parameters after each step of `KEPT`; weight decay acts on the weights alone."""
    weights, biases = (
        torch.tensor(part, dtype=dtype, requires_grad=True) for part in (start[:N_WEIGHTS], start[N_WEIGHTS:])
    )
    groups = [{"params": [weights]}, {"params": [biases], "weight_decay": 0}]
    optimizer = getattr(torch.optim, name)(groups, **arguments)
    found = []
    for step, grad in enumerate(torch.tensor(grads, dtype=dtype), 1):
        weights.grad, biases.grad = grad[:N_WEIGHTS].clone(), grad[N_WEIGHTS:].clone()
        optimizer.step()
        if step in KEPT:
            found.append([shortest(value) for value in (*weights.detach(), *biases.detach())])
    return found


def shortest(value: torch.Tensor) -> float:
    """Return a number by the fewest digits that tell it from its neighbours of the same dtype."""
    return float(str(value.numpy()[()]))


def recorded() -> dict:
    """Return what the file holds."""
    rng = np.random.default_rng(2024)
    start, grads = rng.normal(size=N_PARAMETERS), rng.normal(size=(STEPS, N_PARAMETERS))
    cases = [
        {
            "class": name,
            "ours": ours,
            "dtype": dtype,
            "theta": trajectory(name, torch_arguments(ours, different), start, grads, DTYPES[dtype]),
        }
        for name, ours, different in CASES
        for dtype in DTYPES
    ]
    return {
        "torch": torch.__version__,
        "n_weights": N_WEIGHTS,
        "steps": KEPT,
        "start": start.tolist(),
        "grads": grads.tolist(),
        "cases": cases,
    }


def main() -> None:
    """Write the file."""
    Path(__file__).with_name("optimizers.json").write_text(json.dumps(recorded()) + "\n")


if __name__ == "__main__":
    main()
