"""Weights that this project trained and that come with the package: safetensors, half precision, strictly read."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from liveact_eval.errors import UserError

Network = TypeVar("Network", bound=nn.Module)


def load_trained(network: Network, path: Path) -> Network:
    """Give a network the tensors of a file, in the network's own precision.

    Args:
        network: with the parameters and buffers that the file holds under the same names.
        path: a safetensors file.

    Raises:
        UserError: the file cannot be read; or a tensor is missing, left over or of another shape, and the first few
            are named.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{str(path)!r} cannot be read as safetensors: {error}.") from error
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reasons = [line.strip() for line in str(error).splitlines()[1:4]]
        raise UserError(
            f"{str(path)!r} is not the file of {type(network).__name__}: {' '.join(reasons)[:400]}."
        ) from error
    return network
