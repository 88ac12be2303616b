"""Writes just enough of the ONNX format to test its reader: nodes and float tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

NodeParts = tuple[str, Sequence[str], Sequence[str]]


def write_onnx(nodes: Sequence[NodeParts], tensors: Mapping[str, torch.Tensor], *, raw: bool = True) -> bytes:
    """A model message; `raw` chooses between the two ways in which the format stores floats."""
    graph = b"".join(_field(1, _node(*node)) for node in nodes)
    graph += b"".join(_field(5, _tensor(name, tensor, raw)) for name, tensor in tensors.items())
    return _varint(1 << 3) + _varint(8) + _field(2, b"test") + _field(7, graph)


def _node(operation: str, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    names = [_field(1, name.encode()) for name in inputs] + [_field(2, name.encode()) for name in outputs]
    return b"".join(names) + _field(4, operation.encode())


def _tensor(name: str, tensor: torch.Tensor, raw: bool) -> bytes:
    values = tensor.detach().contiguous().numpy().astype(np.float32).tobytes()
    shape = b"".join(_varint(1 << 3) + _varint(size) for size in tensor.shape)
    return shape + _varint(2 << 3) + _varint(1) + _field(8, name.encode()) + _field(9 if raw else 4, values)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
