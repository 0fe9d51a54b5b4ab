"""Our losses in PyTorch, by our definitions: summed over outputs, averaged over rows."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from pellucid.interop.torch.counterparts import counterpart
from pellucid.losses import Loss, MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy


def criterion(loss: Loss) -> Callable[[Any, Any], Any]:
    """Return the loss as a function of PyTorch's outputs and class numbers.

    PyTorch's ``MSELoss`` and ``BCEWithLogitsLoss`` average over the outputs too, and the first has no 1/2.

    Raises
    ------
    TypeError
        If the loss has no counterpart here.

    Examples
    --------
    >>> import pellucid as pl
    >>> criterion(pl.MeanSquaredError())(torch.zeros(2, 4), torch.tensor([0, 3])).item()
    0.5
    """
    return counterpart(CRITERIA, loss)(loss.label_smoothing)


def _cross_entropy(share: float) -> Callable[[Any, Any], Any]:
    return torch.nn.CrossEntropyLoss(label_smoothing=share)


def _binary_cross_entropies(share: float) -> Callable[[Any, Any], Any]:
    def measure(outputs: Any, labels: Any) -> Any:
        targets = _targets(outputs, labels, share)
        return functional.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / len(outputs)

    return measure


def _half_squares(share: float) -> Callable[[Any, Any], Any]:
    def measure(outputs: Any, labels: Any) -> Any:
        return (outputs - _targets(outputs, labels, share)).square().sum() / (2 * len(outputs))

    return measure


def _targets(outputs: Any, labels: Any, share: float) -> Any:
    """Return class numbers as targets, of which a share is spread evenly over the classes."""
    k = outputs.shape[1]
    certain = labels[:, None] if k == 1 else functional.one_hot(labels, k)
    return (1 - share) * certain.to(outputs.dtype) + share / max(k, 2)


#: From a share of label smoothing.
CRITERIA: dict[type[Loss], Callable[[float], Callable[[Any, Any], Any]]] = {
    SoftmaxCrossEntropy: _cross_entropy,
    SigmoidCrossEntropy: _binary_cross_entropies,
    MeanSquaredError: _half_squares,
}
