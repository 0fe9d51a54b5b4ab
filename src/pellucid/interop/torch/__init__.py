"""PyTorch: convert networks to `torch.nn.Sequential` and back, and train them there for comparison.

`sequential` and `from_sequential` convert networks; `criterion` and `torch_optimizer` convert losses and
optimizers. `train_twin` trains a network in PyTorch with the same steps as `pellucid.train`.
"""

from importlib.util import find_spec

if find_spec("torch") is None:
    raise ModuleNotFoundError(
        "pellucid.interop.torch needs PyTorch (extra compare): pip install 'pellucid[compare]'"
    )

from pellucid.interop.torch.counterparts import criterion, torch_optimizer
from pellucid.interop.torch.modules import from_sequential, sequential
from pellucid.interop.torch.twin import Twin, threads, train_twin

__all__ = ["Twin", "criterion", "from_sequential", "sequential", "threads", "torch_optimizer", "train_twin"]
