"""Weights from a rule instead of a file: the same numbers on every machine, for parity vectors and for trying metrics.

The rule (named W1): each floating tensor is drawn by NumPy's legacy generator, whose stream is frozen, seeded with the
CRC-32 of `SALT/NETWORK/KEY`, KEY being the official parameter name. Values of such networks mean nothing as scores.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

SALT = "liveact-eval"
"""Salt of the weights that `networks: seeded` uses; folders of vectors state their own."""


def seeded_tensor(salt: str, network: str, key: str, shape: tuple[int, ...]) -> Tensor:
    """The float32 tensor of one official parameter name under rule W1."""
    seed = zlib.crc32(f"{salt}/{network}/{key}".encode())
    # RandomState gives a float for an empty shape.
    normal = np.asarray(np.random.RandomState(seed).standard_normal(shape))
    if len(shape) >= 2:
        values = normal * math.sqrt(2 / math.prod(shape[1:]))
    elif len(shape) == 1 and key.rsplit(".", 1)[-1] == "weight":
        values = 0.25 + 0.05 * normal if "prelu" in key else 1 + 0.1 * normal
    else:
        values = 0.1 * normal
    # Arithmetic on an array of no dimension gives a number.
    return torch.from_numpy(np.asarray(values, np.float32))


def fill_seeded(
    module: nn.Module,
    network: str,
    *,
    salt: str = SALT,
    official: Callable[[str], str] | None = None,
    batch_norm: Mapping[str, Tensor] | None = None,
) -> None:
    """Fill a network in place by rule W1.

    Args:
        module: the network, on any device.
        network: its tag in the rule, for example `inception`.
        salt: first word of the seeded string.
        official: from the module's own names to official ones, where they differ.
        batch_norm: running means and variances by official name; without them they stay as they are.
    """
    moments = batch_norm or {}
    with torch.no_grad():
        for key, value in module.state_dict().items():
            name = official(key) if official else key
            if name in moments:
                value.copy_(moments[name])
            elif name.endswith("num_batches_tracked"):
                value.zero_()
            elif value.is_floating_point() and not name.endswith(("running_mean", "running_var")):
                value.copy_(seeded_tensor(salt, network, name, tuple(value.shape)))


def calibrate(module: nn.Module, example: Tensor) -> None:
    """Set the running moments of all batch norms from one forward pass, so that activations stay sane."""
    norms = [layer for layer in module.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    before = [(layer, layer.momentum) for layer in norms]
    training = module.training
    module.eval()
    for layer in norms:
        layer.train()
        layer.momentum = 1.0
    with torch.no_grad():
        module(example)
    for layer, momentum in before:
        layer.momentum = momentum
    module.train(training)
