"""PyTorch: networks there and back, and the twin run, which takes our steps in PyTorch.

`sequential` and `from_sequential` carry a network over; `criterion`, `torch_optimizer` and `Twin` train it
there as we do here.
"""

from importlib.util import find_spec

if find_spec("torch") is None:
    raise ModuleNotFoundError(
        "this needs PyTorch, which the extra compare installs: pip install 'pellucid[compare]'"
    )

from pellucid.interop.torch.losses import criterion
from pellucid.interop.torch.modules import from_sequential, sequential
from pellucid.interop.torch.optimizers import torch_optimizer
from pellucid.interop.torch.twin import Twin, threads, train_twin

__all__ = ["Twin", "criterion", "from_sequential", "sequential", "threads", "torch_optimizer", "train_twin"]
