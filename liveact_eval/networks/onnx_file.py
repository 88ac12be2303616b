"""Reads nodes and weights of an ONNX file, without the packages `onnx` and `onnxruntime`.

An ONNX file is one protocol-buffers message; of its fields only those are read that say which operations there are, how
they are joined, and what their constant tensors hold. Field numbers: `onnx/onnx.proto` of github.com/onnx/onnx.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from liveact_eval.errors import UserError

_GRAPH = 7
_NODE, _INITIALIZER = 1, 5
_INPUT, _OUTPUT, _OPERATION = 1, 2, 4
_DIMENSION, _TYPE, _FLOATS, _NAME, _RAW = 1, 2, 4, 8, 9
_DTYPES = {1: "<f4", 7: "<i8", 10: "<f2", 11: "<f8"}
_FLOAT32 = 1

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}


@dataclass(frozen=True)
class Node:
    """One operation of the graph."""

    operation: str
    """Its kind, for example `Conv`."""
    inputs: tuple[str, ...]
    """Names of what it reads: results of other nodes, or constant tensors."""
    outputs: tuple[str, ...]
    """Names of its results."""


@dataclass(frozen=True)
class Graph:
    """The operations of a file in the order in which they run, and its constant tensors by name."""

    nodes: tuple[Node, ...]
    """In the order of the file, which the format demands to be one in which they can run."""
    tensors: dict[str, Tensor]
    """Floating tensors as float32, others as int64."""


def read_graph(path: Path) -> Graph:
    """Read an ONNX file whose weights are inside it.

    Raises:
        UserError: missing, damaged, no ONNX, or tensors of a kind that is not read.
    """
    try:
        message = memoryview(path.read_bytes())
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error}. Expected an ONNX file; fetch it again.") from error
    try:
        graphs = [value for number, value in _fields(message) if number == _GRAPH]
        parts = list(_fields(_as_bytes(graphs[0])))
        nodes = tuple(_node(_as_bytes(value)) for number, value in parts if number == _NODE)
        named = [_tensor(_as_bytes(value)) for number, value in parts if number == _INITIALIZER]
    except (IndexError, ValueError, KeyError) as error:
        raise UserError(
            f"{path} is no ONNX file with its weights inside, or is damaged ({error}). Fetch it again."
        ) from error
    return Graph(nodes, dict(named))


Value = int | memoryview


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if kind == _BYTES:
            size, position = _varint(message, position)
        elif kind in _WIDTHS:
            size = _WIDTHS[kind]
        else:
            raise ValueError(f"wire type {kind}")
        if position + size > len(message):
            raise ValueError("a field reaches beyond the end")
        yield number, message[position : position + size]
        position += size


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = message[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
        shift += 7


def _as_bytes(value: Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message is expected")
    return value


def _text(value: Value) -> str:
    return bytes(_as_bytes(value)).decode()


def _node(message: memoryview) -> Node:
    fields = list(_fields(message))
    operations = [_text(value) for number, value in fields if number == _OPERATION]
    return Node(
        operations[0],
        tuple(_text(value) for number, value in fields if number == _INPUT),
        tuple(_text(value) for number, value in fields if number == _OUTPUT),
    )


def _tensor(message: memoryview) -> tuple[str, Tensor]:
    shape: list[int] = []
    name, kind, raw = "", _FLOAT32, b""
    for number, value in _fields(message):
        if number == _DIMENSION:
            shape += [value] if isinstance(value, int) else _packed(value)
        elif number == _TYPE and isinstance(value, int):
            kind = value
        elif number == _NAME:
            name = _text(value)
        elif number in (_RAW, _FLOATS):
            raw += bytes(_as_bytes(value))
    if kind not in _DTYPES:
        raise ValueError(f"the tensor {name!r} is of type {kind}; of those read are {sorted(_DTYPES)}")
    values = np.frombuffer(raw, _DTYPES[kind]).reshape(shape)
    whole = np.issubdtype(values.dtype, np.integer)
    return name, torch.from_numpy(values.astype(np.int64 if whole else np.float32))


def _packed(message: memoryview) -> list[int]:
    found, position = [], 0
    while position < len(message):
        value, position = _varint(message, position)
        found.append(value)
    return found
